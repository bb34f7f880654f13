"""Days and weeks without a backup that retention would have kept: a night's backup was not taken."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from pipeline.backups.age import MOST_AHEAD, NIGHTLY
from pipeline.backups.catalogue import Backup
from quickdata_node.manifest import DAILY, WEEKLY

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True)
class Gaps:
    """What is missing.

    Args:
        days: without a usable backup, oldest first.
        weeks: the Mondays of the other weeks without one, oldest first.
    """

    days: tuple[date, ...] = ()
    weeks: tuple[date, ...] = ()

    def __str__(self) -> str:
        """The gaps in words; empty without any."""
        weeks = [f"in the week of {written(each)}" for each in self.weeks]
        days = [_between(first, last) for first, last in _runs(self.days)]
        return f"no backup {', '.join([*weeks, *days])}" if weeks or days else ""


def retention(listed: Collection[Backup], now: datetime) -> tuple[int, int]:
    """Return the numbers of days and weeks that retention has kept a backup of, at least.

    Each backup notes the retention when it was taken. The smallest counts: after it was raised, the backups
    that a smaller one has removed are not missing.

    Args:
        listed: a database's backups; without a usable one, the role's default counts.
        now: the time, in UTC.
    """
    known = [each for each in listed if usable(each, now)]
    daily = min((each.keep_daily for each in known), default=DAILY)
    return daily, min((each.keep_weekly for each in known), default=WEEKLY)


def find_gaps(listed: Collection[Backup], now: datetime) -> Gaps:
    """Find the days and weeks without a backup, as far back as retention keeps one of each.

    Retention counts the days and weeks that have a backup. So with 7 and 4 the days reach back to the seventh
    that has one, and the weeks to the fourth: a backup in between would still be there.

    Today is never a gap: its backup may still come. A day between two backups that are at most 26 hours apart
    is none either: a late backup has moved to the next day.

    Args:
        listed: a database's backups.
        now: the time, in UTC.
    """
    taken = sorted(each.taken for each in listed if usable(each, now))
    if not taken:
        return Gaps()
    daily, weekly = retention(listed, now)
    dates = sorted({each.date() for each in taken})
    mondays = sorted({monday(each) for each in dates})
    days = tuple(day for day in _empty_days(taken, now) if day > dates[-daily:][0])
    told = {*mondays, *(monday(day) for day in days)}
    weeks = _from_to(mondays[-max(weekly, 1) :][0], mondays[-1], WEEK)
    return Gaps(days, tuple(each for each in weeks if each not in told))


def usable(backup: Backup, now: datetime) -> bool:
    """Tell whether a backup can be restored, and has no time in the future."""
    return backup.complete and not backup.problem and backup.taken < now + MOST_AHEAD


def monday(day: date) -> date:
    """Return the first day of a day's week, as ISO 8601 counts weeks."""
    return day - day.weekday() * DAY


def written(day: date) -> str:
    """Return a day for readers, such as "2 November 2026"."""
    return f"{day.day} {day:%B %Y}"


def _empty_days(taken: Sequence[datetime], now: datetime) -> Iterator[date]:
    """Yield the whole days between two backups, and since the last one, that are more than a night apart.

    A backup shortly after midnight is not kept if the next night's is of the same day. So a day is not empty
    if its backup may have been late, and of the next day.
    """
    for before, after in pairwise(taken):
        if after - before > NIGHTLY and (before + NIGHTLY).date() != after.date():
            yield from _from_to(before.date() + DAY, after.date() - DAY, DAY)
    if now - taken[-1] > NIGHTLY:
        yield from _from_to(taken[-1].date() + DAY, now.date() - DAY, DAY)


def _from_to(first: date, last: date, step: timedelta) -> Iterator[date]:
    while first <= last:
        yield first
        first += step


def _between(first: date, last: date) -> str:
    return f"on {written(first)}" if first == last else f"from {written(first)} to {written(last)}"


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day of each row of days without a break."""
    known = set(days)
    firsts = [day for day in days if day - DAY not in known]
    lasts = [day for day in days if day + DAY not in known]
    yield from zip(firsts, lasts, strict=True)
