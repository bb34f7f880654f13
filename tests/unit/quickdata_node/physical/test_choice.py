"""Which backup and which timeline lead to a moment, and which moments are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quickdata_node.physical.choice import choose
from quickdata_node.physical.info import Info, PhysicalBackup
from quickdata_node.physical.moment import Moment
from quickdata_node.physical.points import Point
from quickdata_node.physical.timelines import History, Segment, Timeline, position, segment_name
from quickdata_node.run import Failed

MIDNIGHT = datetime(2026, 11, 28, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minutes)


def backup(minutes: int, lsn: str, timeline: int = 1, damaged: bool = False) -> PhysicalBackup:
    wal = f"{timeline:08X}00000000000000{lsn.removeprefix('0/')[:2]}"
    return PhysicalBackup(
        label=f"backup-{minutes}",
        kind="full",
        started_at=at(minutes - 1),
        finished_at=at(minutes),
        first_lsn=lsn,
        last_lsn=lsn,
        first_wal=wal,
        last_wal=wal,
        database_bytes=1000,
        stored_bytes=10,
        cluster=1,
        damaged=damaged,
    )


# Timeline 1 from the beginning. At minute 100, a recovery to LSN 0/20000000 began timeline 2.
BACKUPS = (backup(10, "0/10000000"), backup(90, "0/30000000"), backup(110, "0/22000000", timeline=2))
FIRST = tuple(Segment(segment_name(1, 16 + n), at(10 + n), 5) for n in range(80))
SECOND = tuple(Segment(segment_name(2, 32 + n), at(101 + n), 5) for n in range(10))
SECOND_BEGAN = {2: Timeline(2, at(100), {1: position("0/20000000")})}
HISTORY = History(SECOND_BEGAN, FIRST + SECOND)
INFO = Info(0, "ok", BACKUPS, system_id=7)


@pytest.mark.parametrize(
    ("minute", "timeline", "label"),
    [(10, 1, "backup-10"), (95, 1, "backup-90"), (105, 2, "backup-10"), (120, 2, "backup-110")],
)
def test_a_moment_belongs_to_the_timeline_that_was_live_then(minute: int, timeline: int, label: str) -> None:
    chosen = choose(INFO, HISTORY, Moment(at(minute)), live_until=at(200))
    assert (chosen.timeline, chosen.backup.label) == (timeline, label)


@pytest.mark.parametrize(
    ("minute", "said"),
    [
        (9, "is before the first backup in the repository; it holds 2026-11-28 00:10:00Z to 2026"),
        (131, "is after the last WAL in the repository; it holds"),
    ],
)
def test_a_moment_outside_is_refused_with_the_span(minute: int, said: str) -> None:
    with pytest.raises(Failed, match=said) as caught:
        choose(INFO, HISTORY, Moment(at(minute)), live_until=at(130))
    assert caught.value.code == 2


def test_without_a_live_server_the_newest_wal_is_the_latest_moment() -> None:
    info, history = Info(0, "ok", BACKUPS[:1]), History({}, FIRST)
    assert choose(info, history, Moment(at(88)), live_until=None).latest == at(89)
    with pytest.raises(Failed, match="after the last WAL"):
        choose(info, history, Moment(at(90)), live_until=None)


def test_wal_that_is_missing_on_the_way_is_told_with_the_moments_that_can_be_recovered() -> None:
    broken = History({}, tuple(each for each in FIRST if each.number != 40))
    info = Info(0, "ok", BACKUPS[:2])
    said = (
        "lacks the WAL segment 000000010000000000000028, which leads to that moment; the moments until about"
        " 2026-11-28 00:33:00Z and those since 2026-11-28 01:30:00Z can be recovered; choose"
    )
    for moment in (Moment(at(50)), Moment(at(34))):
        with pytest.raises(Failed, match=said):
            choose(info, broken, moment, live_until=at(200))
    assert choose(info, broken, Moment(at(32)), live_until=at(200)).last == FIRST[23]
    assert choose(info, broken, Moment(at(95)), live_until=at(200)).backup.label == "backup-90"


def test_wal_that_is_missing_has_the_name_that_its_own_timeline_gave_it() -> None:
    broken = History(SECOND_BEGAN, tuple(each for each in FIRST + SECOND if each.name != segment_name(1, 20)))
    with pytest.raises(Failed, match="lacks the WAL segment 000000010000000000000014") as caught:
        choose(Info(0, "ok", BACKUPS[:2]), broken, Moment(at(105)), live_until=at(200))
    assert "and those since" not in str(caught.value), "the backup of minute 90 does not lead to timeline 2"


def test_a_backup_without_its_own_wal_leads_nowhere() -> None:
    said = "lacks the WAL segment 000000010000000000000010, which leads to that moment; no backup has the WAL"
    with pytest.raises(Failed, match=said):
        choose(Info(0, "ok", BACKUPS[:1]), History({}, ()), Moment(at(11)), live_until=at(12))
    info, broken = Info(0, "ok", BACKUPS[:2]), History({}, FIRST[1:])
    with pytest.raises(Failed, match="; the moments since 2026-11-28 01:30:00Z can be recovered; choose"):
        choose(info, broken, Moment(at(50)), live_until=at(200))
    with pytest.raises(
        Failed, match="; the moments until about 2026-11-28 00:40:00Z can be recovered; choose"
    ):
        choose(info, History({}, FIRST[:31]), Moment(at(95)), live_until=at(200))


def test_a_backup_that_begins_in_missing_wal_is_not_offered() -> None:
    inside = replace(BACKUPS[0], first_wal=segment_name(1, 37), finished_at=at(31))
    broken = History({}, (*FIRST[:20], *FIRST[24:]))
    with pytest.raises(Failed, match="and those since 2026-11-28 01:30:00Z can be recovered"):
        choose(Info(0, "ok", (BACKUPS[0], inside, BACKUPS[1])), broken, Moment(at(30)), live_until=at(200))


def test_the_end_of_the_wal_is_on_the_timeline_that_was_live_last() -> None:
    end = Moment(at(200), latest=True)
    chosen = choose(INFO, HISTORY, end, live_until=None)
    assert (chosen.timeline, chosen.backup.label, chosen.last) == (2, "backup-110", SECOND[-1])
    behind = Moment(at(99), latest=True)  # the node's clock, beside that of S3
    assert choose(INFO, HISTORY, behind, live_until=None).timeline == 2
    moved_back = Segment(segment_name(1, 96), at(120), 5)
    chosen = choose(INFO, History(SECOND_BEGAN, (*FIRST, moved_back, *SECOND)), end, live_until=None)
    assert (chosen.timeline, chosen.backup.label, chosen.last) == (1, "backup-90", moved_back)


def test_the_wal_to_a_point_ends_with_the_segment_of_the_point() -> None:
    point = Point("p", "app", "0/13000010", 1, at(60), "18.4", 7, [])
    chosen = choose(INFO, HISTORY, Moment(point.time, point), live_until=at(200))
    assert (chosen.last, chosen.segments) == (FIRST[3], 4)


def test_a_moment_whose_backups_are_gone_names_the_timeline() -> None:
    info = Info(0, "ok", (backup(90, "0/30000000"), backup(110, "0/22000000", timeline=2)))
    with pytest.raises(Failed, match="is on timeline 2, and no backup in the repository leads there"):
        choose(info, HISTORY, Moment(at(105)), live_until=at(200))


def test_a_damaged_backup_is_never_chosen() -> None:
    info = Info(0, "ok", (BACKUPS[0], backup(90, "0/30000000", damaged=True)))
    assert choose(info, HISTORY, Moment(at(95)), live_until=at(99)).backup.label == "backup-10"
    with pytest.raises(Failed, match="holds no physical backup but damaged ones: backup-90"):
        choose(Info(0, "ok", (backup(90, "0/3", damaged=True),)), HISTORY, Moment(at(95)), None)


def test_the_wal_is_counted_up_to_the_first_segment_after_the_moment() -> None:
    chosen = choose(INFO, HISTORY, Moment(at(20)), live_until=at(200))
    assert (chosen.segments, chosen.wal_bytes) == (12, 60)
    assert chosen.needed_bytes == 1000 + 2 * 12 * (16 << 20)
    assert chosen.document(at(80))["lost_seconds"] == 3600


def test_the_end_of_the_wal_says_how_much_is_missing() -> None:
    end = Moment(at(200), latest=True)
    chosen = replace(choose(INFO, HISTORY, end, live_until=None), not_archived="archiving fails")
    said = chosen.document(at(200))
    assert (said["lost_seconds"], said["not_archived"]) == (90 * 60, "archiving fails")
    assert choose(INFO, HISTORY, end, live_until=at(199)).document(at(200))["lost_seconds"] == 60


def test_wal_that_waited_while_s3_was_away_is_counted_too() -> None:
    """At minute 20, S3 went away for an hour. Then 10 segments followed at once."""
    before = FIRST[:11]
    late = [Segment(segment_name(1, 27 + n), at(80) + timedelta(seconds=n), 5) for n in range(10)]
    after = [Segment(segment_name(1, 37 + n), at(82 + n), 5) for n in range(10)]
    history = History({}, (*before, *late, *after))
    chosen = choose(Info(0, "ok", BACKUPS[:1]), history, Moment(at(50)), live_until=at(200))
    assert (chosen.segments, chosen.last) == (21, late[0])
    assert choose(Info(0, "ok", BACKUPS[:1]), history, Moment(at(85)), live_until=at(200)).segments == 26
