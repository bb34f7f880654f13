"""The backups as a calendar: a week a row, a day a cell."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pipeline.backups.age import MOST_AHEAD
from pipeline.backups.catalogue import Backup, age
from pipeline.backups.gaps import DAY, WEEK, Gaps, monday, usable, written

FEWEST, MOST = 5, 13
"""Weeks that are shown: a calendar needs some; the table shows what is older."""

Kind = Literal["verified", "backup", "failed", "gap", "none", "future"]
SIGNS: dict[Kind, str] = {"verified": "✓", "backup": "●", "failed": "!", "gap": "✗", "none": "", "future": ""}
WORDS: dict[Kind, str] = {
    "verified": "verified backup",
    "backup": "backup, not verified",
    "failed": "no usable backup: a run failed, or goes on",
    "gap": "gap: no backup",
    "none": "no backup is kept",
    "future": "still to come",
}


@dataclass(frozen=True)
class Day:
    """A day of the calendar.

    Args:
        date: the day, in UTC.
        kind: what it has.
        note: the age of its newest backup, or that there is a gap or a failed run.
        count: how many backups it has.
    """

    date: date
    kind: Kind
    note: str = ""
    count: int = 0

    @property
    def sign(self) -> str:
        """What it has, as one character."""
        return SIGNS[self.kind]

    def __str__(self) -> str:
        """The day in words."""
        more = f", the newest of {self.count}" if self.count > 1 else ""
        old = f", {self.note} old{more}" if self.count else ""
        return f"{written(self.date)}: {WORDS[self.kind]}{old}"


@dataclass(frozen=True)
class Week:
    """A row of the calendar.

    Args:
        monday: its first day.
        days: its seven days.
        gap: whether a backup is missing in it.
    """

    monday: date
    days: tuple[Day, ...]
    gap: bool


def calendar(listed: Sequence[Backup], gaps: Gaps, now: datetime) -> list[Week]:
    """Return the weeks from the oldest backup, or some weeks ago, to this one.

    Args:
        listed: a database's backups, newest first.
        gaps: what is missing.
        now: the time, in UTC.
    """
    past = [each for each in listed if each.taken < now + MOST_AHEAD]
    by_day: dict[date, list[Backup]] = {}
    for each in past:
        by_day.setdefault(each.taken.date(), []).append(each)
    last = monday(now.date())
    oldest = monday(min(by_day, default=last))
    first = max(min(oldest, last - (FEWEST - 1) * WEEK), last - (MOST - 1) * WEEK)
    return [_week(each, by_day, gaps, now) for each in _mondays(first, last)]


def _mondays(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += WEEK


def _week(first: date, by_day: dict[date, list[Backup]], gaps: Gaps, now: datetime) -> Week:
    dates = [first + number * DAY for number in range(7)]
    return Week(
        first, tuple(_day(each, by_day.get(each, ()), gaps, now) for each in dates), first in gaps.weeks
    )


def _day(day: date, backups: Iterable[Backup], gaps: Gaps, now: datetime) -> Day:
    good = [each for each in backups if usable(each, now)]
    if good:
        kind: Kind = "verified" if any(each.verified_at for each in good) else "backup"
        return Day(day, kind, age(good[0], now), len(good))
    if day in gaps.days:
        return Day(day, "gap", "gap")
    if backups:
        return Day(day, "failed", "failed")
    return Day(day, "future" if day >= now.date() else "none")
