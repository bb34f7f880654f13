"""The catalogue as a page: the verdict first, then the calendar, the sizes and the table."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.backups.age import MOST_AHEAD
from pipeline.backups.calendar import SIGNS, WORDS, calendar
from pipeline.backups.catalogue import Backup, age
from pipeline.backups.gaps import Gaps, find_gaps, retention, usable, written
from pipeline.backups.health import LOG, Problem, last_verified, physical_problems, problems, verified_at
from pipeline.backups.size_curve import size_curve
from pipeline.reporting.page import render
from pipeline.units import duration, in_fine_units
from quickdata_node.physical.summary import Summary

OPEN = 40
"""Rows of the table that are shown at once."""


def catalogue_page(
    listed: Sequence[Backup], physical: Summary | None, database: str, bucket: str, now: datetime
) -> str:
    """Return the page, which needs no other file.

    Args:
        listed: the database's backups, newest first.
        physical: the summary of its physical backups; None if there are none.
        database: its name.
        bucket: where they are.
        now: the time, in UTC.
    """
    complete = [each for each in listed if each.complete]
    gaps, (daily, weekly) = find_gaps(listed, now), retention(listed, now)
    return render(
        "backups.html.j2",
        database=database,
        bucket=bucket,
        now=now,
        problems=[*problems(complete, now), *_missing(gaps), *physical_problems(physical, now)],
        newest=complete[0] if complete else None,
        proven=last_verified(complete, now),
        gaps=gaps,
        daily=daily,
        weekly=weekly,
        kept=[each for each in listed if usable(each, now)],
        weeks=calendar(listed, gaps, now),
        curve=size_curve(listed, now),
        shown=listed[:OPEN],
        older=listed[OPEN:],
        physical=physical,
        **_words(now),
    )


def _missing(gaps: Gaps) -> list[Problem]:
    return [Problem("Backups are missing", str(gaps), f"see {LOG}")] if str(gaps) else []


def _words(now: datetime) -> dict[str, object]:
    """Return what the template says things with."""

    def ago(when: datetime) -> str:
        return f"{duration((now - when).total_seconds())} ago" if when < now + MOST_AHEAD else "in the future"

    return {
        "ago": ago,
        "age": lambda backup: age(backup, now) if backup.taken < now + MOST_AHEAD else "in the future",
        "verified_at": verified_at,
        "written": written,
        "size": in_fine_units,
        "signs": SIGNS,
        "words": WORDS,
    }
