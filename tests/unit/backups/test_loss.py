"""A newest backup that holds far less than those before it is an alarm."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.backups.catalogue import Backup
from pipeline.backups.loss import BEFORE, loss_problem

NOW = datetime(2026, 11, 29, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def backup(age: timedelta, bases: int = 4, tables: int = 60, rows: int = 1000, **more: Any) -> Backup:
    taken = NOW - age
    name = f"{taken:%Y%m%dT%H%M%SZ}-{int(age.total_seconds()):08x}"
    return Backup(
        name, **{"complete": True, "taken": taken, "tables": tables, "rows": rows, "bases": bases} | more
    )


def problem(newest: Backup, *earlier: Backup) -> str:
    said, fuller = loss_problem(newest, [newest, *earlier])
    assert bool(said) == bool(fuller)
    return said


@pytest.mark.parametrize("counts", [(4, 60, 1000), (2, 30, 500), (9, 200, 10**9)])
def test_half_of_what_there_was_is_no_alarm(counts: tuple[int, int, int]) -> None:
    assert problem(backup(timedelta(0), *counts), backup(DAY)) == ""


@pytest.mark.parametrize(
    ("counts", "lost"),
    [
        ((1, 60, 1000), "1 of the 4 bases that 00015180 has"),
        ((4, 29, 1000), "29 of the 60 tables that 00015180 has"),
        ((4, 60, 499), "499 of the 1000 rows that 00015180 has"),
        ((0, 60, 3), "0 of the 4 bases that 00015180 has, 3 of the 1000 rows that 00015180 has"),
    ],
)
def test_less_than_half_of_one_of_them_is(counts: tuple[int, int, int], lost: str) -> None:
    assert problem(backup(timedelta(0), *counts), backup(DAY)) == f"the newest backup 00000000 has {lost}"


def test_what_was_lost_some_backups_ago_is_still_told_for_a_week() -> None:
    after = [backup(timedelta(hours=hours), rows=1) for hours in (1, 2, 20, 40)]
    assert "of the 1000 rows" in problem(backup(timedelta(0), rows=1), *after, backup(BEFORE))
    assert problem(backup(timedelta(0), rows=1), *after, backup(BEFORE + timedelta(seconds=1))) == ""


def test_the_backup_to_restore_is_the_newest_of_those_that_hold_most() -> None:
    newest, earlier = (
        backup(timedelta(0), bases=0, rows=1),
        [backup(DAY, bases=3), backup(2 * DAY), backup(3 * DAY)],
    )
    assert loss_problem(newest, [newest, *earlier])[1] == backup(2 * DAY).id


def test_what_cannot_be_read_and_what_is_no_backup_count_nothing() -> None:
    bad = backup(DAY, problem="its manifest cannot be understood"), backup(2 * DAY, complete=False)
    assert problem(backup(timedelta(0), bases=0, rows=1), *bad) == ""
    assert problem(backup(timedelta(0), bases=0, rows=1)) == ""


def test_a_later_restore_of_an_older_clock_is_not_compared() -> None:
    assert problem(backup(timedelta(0), rows=1), backup(-DAY)) == ""
