"""A gap is a day or a week whose backup retention would have kept, and nothing else."""

from datetime import date

import pytest
import yaml

from pipeline.backups.catalogue import Backup
from pipeline.backups.gaps import DAILY, WEEKLY, find_gaps
from pipeline.machine.repository import REPOSITORY
from quickdata_node.retention import newest_of_each
from tests.support.catalogues import NOW, backup, nightly, unfinished, unreadable


def days(*numbers: int) -> tuple[date, ...]:
    return tuple(date(2026, 11, number) for number in numbers)


def test_the_numbers_are_the_defaults_of_the_role() -> None:
    defaults = REPOSITORY / "infrastructure/ansible/roles/pg_backup/defaults/main.yml"
    role = yaml.safe_load(defaults.read_text())
    assert (role["pg_backup_keep_daily"], role["pg_backup_keep_weekly"]) == (DAILY, WEEKLY)


def test_what_retention_keeps_of_nightly_backups_has_no_gap() -> None:
    """Whatever day it is: retention itself is asked after each of sixty nights."""
    taken: list[Backup] = []
    for nights in range(120, 60, -1):
        taken.insert(0, backup(nights))
        kept = set(newest_of_each([each.name for each in taken], DAILY, WEEKLY))
        taken = [each for each in taken if each.name in kept]
        now = taken[0].taken
        assert str(find_gaps(taken, now)) == "", now


@pytest.mark.parametrize(
    ("listed", "missing"),
    [
        ([], ()),
        ([backup(1)], ()),
        (nightly(), ()),
        (nightly(without=(4,)), days(26)),
        (nightly(without=(1, 4)), days(26, 29)),
        (nightly(without=(1, 2, 3)), days(27, 28, 29)),
        (nightly(without=range(1, 29)), days(*range(2, 30))),
        ([unfinished(4), *nightly(without=(4,))], days(26)),
        ([unreadable(4), *nightly(without=(4,))], days(26)),
    ],
)
def test_a_night_without_a_usable_backup_is_a_gap_and_today_is_not(
    listed: list[Backup], missing: tuple[date, ...]
) -> None:
    found = find_gaps(listed, NOW)
    assert (found.days, found.weeks) == (missing, ())


def test_older_days_are_missed_when_fewer_than_seven_days_have_a_backup() -> None:
    assert find_gaps([backup(1), backup(2), backup(9)], NOW).days == days(22, 23, 24, 25, 26, 27)


def test_a_week_is_missed_when_its_backup_would_have_been_kept() -> None:
    found = find_gaps(nightly(without=range(15, 22)), NOW)
    assert (found.days, found.weeks) == ((), days(9))
    assert str(found) == "no backup in the week of 9 November 2026"


def test_a_backup_that_was_late_into_the_next_day_leaves_no_gap() -> None:
    assert find_gaps([backup(1, 0), backup(3, 23)], NOW).days == ()
    assert find_gaps([backup(1, 2), backup(3, 23)], NOW).days == days(28)


def test_a_backup_of_a_time_to_come_hides_no_gap() -> None:
    assert find_gaps([backup(-400), *nightly(without=(1,))], NOW).days == days(29)


def test_gaps_side_by_side_are_told_as_one() -> None:
    found = find_gaps([backup(1), backup(2), *(backup(each) for each in range(6, 12))], NOW)
    assert str(found) == "no backup from 25 November 2026 to 27 November 2026"
    assert str(find_gaps(nightly(without=(4,)), NOW)).endswith("on 26 November 2026")
