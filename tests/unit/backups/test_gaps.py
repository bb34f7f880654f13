"""A gap is a day or a week whose backup retention would have kept, and nothing else."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import yaml

from pipeline.backups.catalogue import Backup
from pipeline.backups.gaps import find_gaps
from pipeline.machine.repository import REPOSITORY
from quickdata_node.manifest import DAILY, WEEKLY
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


@pytest.mark.parametrize(("daily", "weekly"), [(1, 0), (2, 8), (3, 0), (3, 1), (7, 4), (14, 8)])
def test_the_retention_that_the_node_noted_counts(daily: int, weekly: int) -> None:
    assert str(find_gaps(nightly(daily=daily, weekly=weekly), NOW)) == ""
    missed = find_gaps(nightly((2,), daily, weekly), NOW)
    assert missed.days == (days(28) if daily > 1 else ())


@pytest.mark.parametrize("earlier", [(7, 4), (3, 1)])
def test_what_a_smaller_retention_has_removed_is_not_missing(earlier: tuple[int, int]) -> None:
    daily, weekly = earlier
    raised = backup(0, hour=0, keep_daily=14, keep_weekly=8)
    assert str(find_gaps([raised, *nightly(daily=daily, weekly=weekly)], NOW)) == ""


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


@pytest.mark.parametrize("late", [0, 3, 70])
def test_backups_around_midnight_have_no_gap_whatever_retention_keeps_of_them(late: int) -> None:
    """Every seventh night is late by some minutes."""
    evening, taken = NOW.replace(hour=23, minute=59), list[Backup]()
    for nights in range(120, 0, -1):
        at = evening - timedelta(days=nights, minutes=0 if nights % 7 else -late)
        taken.insert(0, replace(backup(nights), name=f"{at:%Y%m%dT%H%M%SZ}-{nights:08x}", taken=at))
        kept = set(newest_of_each([each.name for each in taken], DAILY, WEEKLY))
        taken = [each for each in taken if each.name in kept]
        assert nights > 60 or str(find_gaps(taken, at)) == "", at


def test_a_missed_night_is_a_gap_also_when_the_last_backup_was_shortly_before_midnight() -> None:
    last = replace(backup(2), taken=NOW.replace(hour=23, minute=0) - timedelta(days=2))
    assert find_gaps([last], NOW.replace(hour=23, minute=30)).days == days(29)


def test_a_backup_of_another_century_is_no_reason_to_wait() -> None:
    first = replace(backup(9), taken=NOW.replace(year=1926))
    assert len(find_gaps([backup(1), first], NOW).days) > 36_000


def test_older_days_are_missed_when_fewer_than_seven_days_have_a_backup() -> None:
    assert find_gaps([backup(1), backup(2), backup(9)], NOW).days == days(22, 23, 24, 25, 26, 27)


def test_a_week_is_missed_when_its_backup_would_have_been_kept() -> None:
    found = find_gaps(nightly(without=range(15, 22)), NOW)
    assert (found.days, found.weeks) == ((), days(9))
    assert str(found) == "no backup in the week of 9 November 2026"


def test_a_backup_that_was_late_into_the_next_day_leaves_no_gap() -> None:
    assert find_gaps([backup(1, 0), backup(3, 23)], NOW).days == ()
    assert find_gaps([backup(1, 2), backup(3, 21)], NOW).days == days(28)


def test_a_backup_of_a_time_to_come_hides_no_gap() -> None:
    assert find_gaps([backup(-400), *nightly(without=(1,))], NOW).days == days(29)


def test_gaps_side_by_side_are_told_as_one() -> None:
    found = find_gaps([backup(1), backup(2), *(backup(each) for each in range(6, 12))], NOW)
    assert str(found) == "no backup from 25 November 2026 to 27 November 2026"
    assert str(find_gaps(nightly(without=(4,)), NOW)).endswith("on 26 November 2026")
