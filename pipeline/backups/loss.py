"""Whether the newest backup holds far less than those before it: an alarm then, and not a good backup."""

from collections.abc import Iterable
from datetime import timedelta
from operator import attrgetter

from pipeline.backups.catalogue import Backup

BEFORE = timedelta(days=7)
"""How far back is looked: what is lost on a Friday night is told on Monday. So long an alarm lasts, too."""
LEAST = 0.5
"""What has to be left of the most that there was: people delete rows, and seldom half of all."""
COUNTED = ("bases", "tables", "rows")


def loss_problem(newest: Backup, listed: Iterable[Backup]) -> tuple[str, str]:
    """Return what the newest backup holds less than half of, and the id of one that holds it.

    Args:
        newest: the newest complete backup.
        listed: all of its database's backups, newest first.

    Returns:
        Both in words; nothing when as much is left as may be.
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
