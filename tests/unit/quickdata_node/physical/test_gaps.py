"""The spans that no recovery reaches."""

from dataclasses import replace

from quickdata_node.physical.gaps import Gap, find_gaps
from quickdata_node.physical.info import Info
from quickdata_node.physical.timelines import History
from tests.unit.quickdata_node.physical.test_choice import FIRST, HISTORY, INFO, at

ONE = History({}, FIRST)
TWO_BACKUPS = replace(INFO, backups=INFO.backups[:2])


def test_whole_wal_has_no_gap_also_across_timelines() -> None:
    assert list(find_gaps(ONE, TWO_BACKUPS)) == []
    assert list(find_gaps(HISTORY, INFO)) == []
    assert list(find_gaps(ONE, Info(0, "ok"))) == []


def test_a_gap_lasts_from_the_last_segment_before_it_to_the_next_backup() -> None:
    lacking = History({}, (*FIRST[:20], *FIRST[24:]))
    assert list(find_gaps(lacking, TWO_BACKUPS)) == [Gap(at(29), at(90))]


def test_a_gap_without_a_later_backup_is_open() -> None:
    lacking = History({}, (*FIRST[:20], *FIRST[24:]))
    assert list(find_gaps(lacking, replace(INFO, backups=INFO.backups[:1]))) == [Gap(at(29), None)]


def test_wal_from_before_the_first_good_backup_does_not_count() -> None:
    lacking = History({}, (*FIRST[:20], *FIRST[24:]))
    assert list(find_gaps(lacking, replace(INFO, backups=INFO.backups[1:2]))) == []
