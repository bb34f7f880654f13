"""Which backup and which timeline lead to a moment, and which moments are refused."""

from datetime import UTC, datetime, timedelta

import pytest

from quickdata_node.physical.choice import choose
from quickdata_node.physical.info import Info, PhysicalBackup
from quickdata_node.physical.moment import Moment
from quickdata_node.physical.timelines import History, Segment, Timeline, position
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
SEGMENTS = tuple(Segment(f"{1:08X}00000000000000{10 + n}", at(10 + n), 5) for n in range(80))
HISTORY = History({2: Timeline(2, at(100), {1: position("0/20000000")})}, SEGMENTS)
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
    info = Info(0, "ok", BACKUPS[:1])
    assert choose(info, HISTORY, Moment(at(88)), live_until=None).latest == at(89)
    with pytest.raises(Failed, match="after the last WAL"):
        choose(info, HISTORY, Moment(at(90)), live_until=None)


def test_a_moment_whose_backups_are_gone_names_the_timeline() -> None:
    info = Info(0, "ok", (backup(90, "0/30000000"), backup(110, "0/22000000", timeline=2)))
    with pytest.raises(Failed, match="is on timeline 2, and no backup in the repository leads there"):
        choose(info, HISTORY, Moment(at(105)), live_until=at(200))


def test_a_damaged_backup_is_never_chosen() -> None:
    info = Info(0, "ok", (BACKUPS[0], backup(90, "0/30000000", damaged=True)))
    assert choose(info, HISTORY, Moment(at(95)), live_until=at(99)).backup.label == "backup-10"
    with pytest.raises(Failed, match="holds no physical backup"):
        choose(Info(0, "ok", (backup(90, "0/3", damaged=True),)), HISTORY, Moment(at(95)), None)


def test_the_wal_is_counted_up_to_the_first_segment_after_the_moment() -> None:
    chosen = choose(INFO, HISTORY, Moment(at(20)), live_until=at(200))
    assert (chosen.segments, chosen.wal_bytes) == (12, 60)
    assert chosen.needed_bytes == 1000 + 2 * 12 * (16 << 20)
    assert chosen.document(at(80))["lost_seconds"] == 3600
