"""The spans that no recovery reaches."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from quickdata_node.physical.gaps import Gap, find_gaps, note_found
from quickdata_node.physical.info import Info, read_info
from quickdata_node.physical.timelines import History, read_history, segment_name
from tests.unit.quickdata_node.physical.test_choice import FIRST, HISTORY, INFO, SECOND, at
from tests.unit.quickdata_node.physical.test_info import FULL, INCREMENTAL, backup, stanza

ONE = History({}, FIRST)
TWO_BACKUPS = replace(INFO, backups=INFO.backups[:2])


def gap(since: datetime, until: datetime | None, first: int, last: int, timeline: int = 1) -> Gap:
    """Return a gap as it is found, from the numbers of its first and last missing segment."""
    return Gap(since, until, None, False, segment_name(timeline, first), segment_name(timeline, last))


def test_whole_wal_has_no_gap_also_across_timelines() -> None:
    assert list(find_gaps(ONE, TWO_BACKUPS)) == []
    assert list(find_gaps(HISTORY, INFO)) == []
    assert list(find_gaps(ONE, Info(0, "ok"))) == []


def test_a_gap_lasts_from_the_last_segment_before_it_to_the_next_backup() -> None:
    lacking = History({}, (*FIRST[:20], *FIRST[24:]))
    assert list(find_gaps(lacking, TWO_BACKUPS)) == [gap(at(29), at(90), 36, 39)]


def test_a_backup_that_begins_in_a_gap_does_not_end_it() -> None:
    inside = replace(INFO.backups[0], first_wal=segment_name(1, 37), finished_at=at(31))
    three = replace(INFO, backups=(INFO.backups[0], inside, INFO.backups[1]))
    lacking = History({}, (*FIRST[:20], *FIRST[24:]))
    assert list(find_gaps(lacking, three)) == [gap(at(29), at(90), 36, 39)]


def test_wal_from_before_the_first_good_backup_does_not_count() -> None:
    lacking = History({}, (*FIRST[:20], *FIRST[24:]))
    assert list(find_gaps(lacking, replace(INFO, backups=INFO.backups[1:2]))) == []


def test_a_gap_names_its_segments_as_the_timeline_that_wrote_them_did() -> None:
    lacking = replace(HISTORY, segments=(*FIRST[:15], *SECOND[1:]))
    [across] = find_gaps(lacking, INFO)
    assert (across.first_wal, across.last_wal) == (segment_name(1, 31), segment_name(2, 32))


def test_wal_that_is_on_its_way_is_not_missing() -> None:
    """Two processes store it, so a later segment may be there first."""
    arriving = History({}, (*FIRST[:20], *FIRST[24:]))
    assert list(find_gaps(arriving, replace(INFO, backups=INFO.backups[:1]))) == []


def test_a_gap_keeps_the_time_when_it_was_found_first_although_its_own_times_change() -> None:
    """The next backup ends it; the oldest one, from which on the WAL counts, is removed."""
    known = list(note_found([gap(at(20), None, 5, 8)], [], None, at(21)))
    assert [each.found_at for each in known] == [at(21)]
    for now in (gap(at(20), at(30), 5, 8), gap(at(25), at(30), 5, 8), gap(at(25), at(30), 7, 8)):
        assert list(note_found([now], known, None, at(31))) == [replace(now, found_at=at(21))]
    halves = [gap(at(20), at(30), 5, 5), gap(at(22), at(30), 8, 8)]
    assert [each.found_at for each in note_found(halves, known, None, at(31))] == [at(21), at(21)]


def test_a_gap_that_has_grown_is_found_anew_also_beside_one_while_they_were_off() -> None:
    known = [replace(gap(at(20), at(30), 5, 8), found_at=at(31), off=off) for off in (False, True)]
    for more in (gap(at(19), at(30), 4, 8), gap(at(20), at(30), 5, 9), gap(at(40), at(50), 15, 18)):
        assert list(note_found([more], known, None, at(90))) == [replace(more, found_at=at(90))]
    other = gap(at(20), at(30), 5, 8, timeline=2)
    assert list(note_found([other], known, None, at(90))) == [replace(other, found_at=at(90))]


def test_a_gap_that_an_earlier_program_has_listed_stays_without_a_time_and_raises_no_alarm() -> None:
    found = [gap(at(20), at(30), 5, 8)]
    listed = list(note_found(found, [Gap(at(20), at(30))], None, at(90)))
    assert listed == found
    moved = [gap(at(22), at(30), 6, 8)]
    assert list(note_found(moved, listed, None, at(99))) == moved
    before = [Gap(at(20), at(30), at(31), off=True)]
    assert list(note_found(found, before, None, at(90))) == [replace(found[0], found_at=at(31), off=True)]


def test_a_gap_while_physical_backups_were_off_is_remembered_as_one() -> None:
    found = [gap(at(20), at(30), 2, 3), gap(at(40), at(50), 5, 6), gap(at(60), None, 8, 9)]
    noted = list(note_found(found, [], at(45), at(51)))
    assert [each.off for each in noted] == [False, True, False]
    assert list(note_found(found, noted, None, at(99))) == noted
    assert [each.off for each in note_found(found[2:], [], at(70), at(71))] == [True]


# --- with the names of a real repository ---

FIRST_BACKUP, SECOND_BACKUP = 1796014826, 1796018426
"""When two backups began, in seconds. Each took two seconds."""


NAMES = (
    "000000010000000000000001-5f1cb0e4773d5e29a3aa1082ed52ba0f2fc91d05",
    "000000010000000000000002-c9bb8481a964acc264fa62c5bf7677ebd66fbc36",
    "000000010000000000000003-860280b58fb9cbc222dcf1aad43f222c56278038",
    "000000010000000000000004-d1bd203c7abf495814c8a16f2e86a9bdf0d17c5d",
    "000000010000000000000005-f1414a62680022e70cb76e142674f915c877e91b",
)


class Repository:
    """Stands for pgBackRest in a container: names and fields were seen in a real one."""

    def __init__(self, *missing: int) -> None:
        self.missing: Collection[int] = missing

    def command(self, name: str, *options: str) -> str:
        assert (name, options[-1]) == ("repo-ls", "archive/quickdata/18-1")
        files = {".": {"type": "path"}, "0000000100000000": {"type": "path"}}
        for number, segment in enumerate(NAMES, 1):
            if number not in self.missing:
                time = FIRST_BACKUP + 1 + (number - 2) * 1200
                files[f"0000000100000000/{segment}.zst"] = {"type": "file", "size": 765, "time": time}
        label = {"type": "file", "size": 371, "time": FIRST_BACKUP + 2}
        files["0000000100000000/000000010000000000000002.00000028.backup"] = label
        return json.dumps(files)


def info(backups: int = 2) -> Info:
    """Return what is known of a repository whose backups need segment 2, and segment 5."""
    later = {"start": segment_name(1, 5), "stop": segment_name(1, 5)}
    lsn = {"start": "0/5000028", "stop": "0/5000120"}
    second = {**backup(INCREMENTAL, "incr", SECOND_BACKUP), "archive": later, "lsn": lsn}
    found = [backup(FULL, "full", FIRST_BACKUP), second][:backups]
    archive = [{"database": {"id": 1}, "id": "18-1", "min": None, "max": None}]
    return read_info(stanza(archive=archive, backup=found))


def gaps(*missing: int, backups: int = 2) -> list[Gap]:
    """Return the gaps of that repository."""
    known = info(backups)
    return [*find_gaps(read_history(Repository(*missing), known), known)]  # type: ignore[arg-type]


def when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


ENDED, NEXT_ENDED = when(FIRST_BACKUP + 2), when(SECOND_BACKUP + 2)


def test_a_missing_segment_of_a_real_repository_is_found_wherever_it_was() -> None:
    assert gaps() == gaps(1) == []
    assert gaps(4) == [gap(when(FIRST_BACKUP + 1201), NEXT_ENDED, 4, 4)]
    assert gaps(5) == [gap(when(FIRST_BACKUP + 2401), None, 5, 5)], "the newest one is of no use"


def test_a_backup_without_its_own_first_segment_reaches_no_moment() -> None:
    assert gaps(2) == gaps(1, 2) == [gap(ENDED, NEXT_ENDED, 2, 2)]
    assert gaps(2, 3) == [gap(ENDED, NEXT_ENDED, 2, 3)]
    assert gaps(2, backups=1) == gaps(1, 2, 3, 4, 5, backups=1) == [gap(ENDED, None, 2, 2)]
