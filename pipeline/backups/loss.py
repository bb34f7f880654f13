"""Whether the newest backup has far less data than earlier ones: then data may have been lost."""

from collections.abc import Iterable
from datetime import timedelta
from operator import attrgetter

from pipeline.backups.catalogue import Backup

BEFORE = timedelta(days=7)
"""How far back to compare: a loss on Friday night is still reported on Monday. The alarm lasts as long."""
LEAST = 0.5
"""The smallest allowed part of the most data of that time: users delete rows, but seldom half of them."""
COUNTED = ("bases", "tables", "rows")


def loss_problem(newest: Backup, listed: Iterable[Backup]) -> tuple[str, str]:
    """Return which data of the newest backup fell below half, and the id of a backup with more.

    Args:
        newest: the newest complete backup.
        listed: all backups of its database, newest first.

    Returns:
        The problem in words, and the id; both are empty if there is no such loss.
    """
    since = newest.taken - BEFORE
    earlier = [each for each in listed if _counts(each) and since <= each.taken <= newest.taken]
    lost, fuller = [], ""
    for count, what in ((attrgetter(what), what) for what in COUNTED):
        fullest = max(earlier, key=count, default=newest)
        if count(newest) < count(fullest) * LEAST:
            lost.append(f"{count(newest)} of the {count(fullest)} {what} that {fullest.id} has")
            fuller = fuller or fullest.id
    return (f"the newest backup {newest.id} has {', '.join(lost)}" if lost else "", fuller)


def _counts(backup: Backup) -> bool:
    return backup.complete and not backup.problem
