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
        first_wal: name of the first WAL segment that is missing; empty if an earlier program found the gap.
        last_wal: name of the last one.
    """

    since: datetime
    until: datetime | None
    found_at: datetime | None = None
    off: bool = False
    first_wal: str = ""
    last_wal: str = ""

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
    newest = history.newest
    backups = [each for each in info.good if history.leads_to(each, newest)]
    if not backups:
        return
    earliest = backups[0].finished_at
    first, last = number_of(backups[0].first_wal), number_of(backups[-1].last_wal)
    stored = {each.number: each.archived_at for each in history.of(newest)}
    there = [first - 1, *(number for number in stored if first <= number <= last), last + 1]
    for before, after in pairwise(there):
        if after > before + 1:
            ends = (each.finished_at for each in backups if number_of(each.first_wal) >= after)
            missing = [history.name_of(newest, number) for number in (before + 1, after - 1)]
            yield Gap(max(stored.get(before, earliest), earliest), next(ends, None), None, False, *missing)


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
    for gap in found:
        known = next((each for each in before if _was_found(gap, each)), None)
        found_at, off = (known.found_at, known.off) if known else (now, _spans(gap, on_again_since))
        yield replace(gap, found_at=found_at, off=off)


def _was_found(gap: Gap, known: Gap) -> bool:
    """Whether a gap lacks no WAL that was there when a known one was found. Its times may have changed."""
    if not known.last_wal:
        return (gap.since, gap.until) == (known.since, known.until)
    return known.first_wal <= gap.first_wal and gap.last_wal <= known.last_wal


def _spans(gap: Gap, moment: datetime | None) -> bool:
    return moment is not None and gap.since < moment and (gap.until is None or moment < gap.until)
