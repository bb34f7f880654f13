"""Spans that no recovery reaches: the repository lacks WAL, which was lost or never archived."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from quickdata_node.physical.info import Info
from quickdata_node.physical.timelines import History, number_of


@dataclass(frozen=True)
class Gap:
    """A span that no recovery reaches.

    Args:
        since: about when it begins, in UTC.
        until: when the next backup ended, in UTC; None if there was none since.
    """

    since: datetime
    until: datetime | None


def find_gaps(history: History, info: Info) -> Iterator[Gap]:
    """Yield the gaps in the WAL of the live timeline and its past, oldest first.

    The WAL after the newest backup does not count: it still comes, and pgBackRest stores several segments at
    once, in any order. It has waited for all WAL of the newest backup.

    Args:
        history: the timelines and WAL segments.
        info: the backups; a recovery begins with a good one.
    """
    backups = [each for each in info.good if history.leads_to(each, history.newest)]
    if not backups:
        return
    earliest = backups[0].finished_at
    first, last = number_of(backups[0].first_wal), number_of(backups[-1].last_wal)
    stored = {each.number: each.archived_at for each in history.of(history.newest)}
    there = [first - 1, *(number for number in stored if first <= number <= last), last + 1]
    for before, after in pairwise(there):
        if after > before + 1:
            ends = (each.finished_at for each in backups if number_of(each.first_wal) >= after)
            yield Gap(max(stored.get(before, earliest), earliest), next(ends, None))
