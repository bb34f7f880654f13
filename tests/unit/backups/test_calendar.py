"""The calendar has every day of its weeks, and says of each what it has."""

from datetime import date
from itertools import chain

import pytest

from pipeline.backups.calendar import FEWEST, MOST, Day, calendar
from pipeline.backups.catalogue import Backup
from pipeline.backups.gaps import find_gaps
from tests.support.catalogues import CATALOGUES, NOW, backup, nightly, unfinished


def days(listed: list[Backup]) -> dict[str, Day]:
    weeks = calendar(listed, find_gaps(listed, NOW), NOW)
    return {f"{day.date:%m-%d}": day for week in weeks for day in week.days}


@pytest.mark.parametrize("name", CATALOGUES)
def test_its_days_follow_each_other_from_a_monday_to_this_weeks_sunday(name: str) -> None:
    listed = CATALOGUES[name]
    weeks = calendar(listed, find_gaps(listed, NOW), NOW)
    dates = [day.date for day in chain.from_iterable(week.days for week in weeks)]
    assert FEWEST <= len(weeks) <= MOST
    assert dates[0].weekday() == 0
    assert dates[-1] == date(2026, 12, 6)
    assert [each.toordinal() - dates[0].toordinal() for each in dates] == list(range(7 * len(weeks)))


def test_a_day_says_what_it_has() -> None:
    listed = [backup(1), backup(2, verified=True), *nightly(without=(1, 2, 4)), backup(3, hour=1)]
    said = days([*listed, unfinished(12)])
    assert str(said["11-29"]) == "29 November 2026: backup, not verified, 22 h old"
    assert str(said["11-28"]) == "28 November 2026: verified backup, 46 h old"
    assert str(said["11-27"]) == "27 November 2026: backup, not verified, 3 d old, the newest of 2"
    assert str(said["11-26"]) == "26 November 2026: gap: no backup"
    assert str(said["11-18"]) == "18 November 2026: no usable backup: a run failed, or goes on"
    assert str(said["11-17"]) == "17 November 2026: no backup is kept"
    assert str(said["11-30"]) == "30 November 2026: still to come"


def test_a_week_without_the_backup_that_retention_keeps_is_marked() -> None:
    listed = nightly(without=range(15, 22))
    weeks = calendar(listed, find_gaps(listed, NOW), NOW)
    assert [week.monday.day for week in weeks if week.gap] == [9]


def test_a_backup_of_a_time_to_come_is_in_no_day() -> None:
    assert days([backup(-3)])["12-03"] == Day(date(2026, 12, 3), "future")
