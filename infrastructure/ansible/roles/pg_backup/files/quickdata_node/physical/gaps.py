"""Spans that no recovery reaches: the repository lacks WAL, which was lost or never archived."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
        found_at: when a backup's run found it first, in UTC; None if that is not known.
        off: whether physical backups were off then.
    """

    since: datetime
    until: datetime | None
    found_at: datetime | None = None
    off: bool = False

    def __str__(self) -> str:
        """The span in words."""
        until = f"{self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until else "the next backup"
        return f"from about {self.since:%Y-%m-%d %H:%M:%S} UTC to {until}"

    @property
    def reason(self) -> str:
        """Why no recovery reaches it, in words."""
        return "physical backups were off" if self.off else "WAL is missing"


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


def note_found(
    found: Iterable[Gap], before: Sequence[Gap], on_again_since: datetime | None, now: datetime
) -> Iterator[Gap]:
    """Yield gaps with the time when each was found first.

    Args:
        found: the gaps that the repository has now.
        before: the gaps that were known before; those of an earlier program stay without a time.
        on_again_since: when physical backups were turned on again, in UTC; None if they were not off, or if
            the gap of that time is known.
        now: the current time, in UTC.
    """
    known = {(each.since, each.until): each for each in before}
    for gap in found:
        off = _spans(gap, on_again_since)
        yield known.get((gap.since, gap.until)) or replace(gap, found_at=now, off=off)


def _spans(gap: Gap, moment: datetime | None) -> bool:
    return moment is not None and gap.since < moment and (gap.until is None or moment < gap.until)
