"""What a recovery to a moment takes: which backup, which timeline, how much WAL, how much room."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from quickdata_node.physical.info import Info, PhysicalBackup
from quickdata_node.physical.moment import LATEST, Moment, shown
from quickdata_node.physical.timelines import (
    SEGMENT_BYTES,
    History,
    Segment,
    number_of,
    position,
)
from quickdata_node.run import Failed

MOST_WAL = 2 << 30
"""Most bytes of WAL in a server's directory while it recovers: twice max_wal_size, whose default is 1 GB.

https://www.postgresql.org/docs/18/wal-configuration.html
"""


OUTAGE, BURST = timedelta(seconds=120), timedelta(seconds=20)
"""A longer pause in the archive may be an outage. After it, the WAL that waited follows more quickly."""


@dataclass(frozen=True)
class Choice:
    """What a recovery takes.

    Args:
        moment: the moment to recover to.
        timeline: number of the timeline on which the moment lies.
        backup: the backup to begin with.
        segments: number of the WAL segments to replay, about.
        wal_bytes: bytes of these segments in the bucket.
        earliest: the earliest moment that can be recovered.
        latest: the latest moment that can be recovered.
        archived: the times when the WAL on this timeline was stored.
        last: the last of the segments to replay; None if there is none.
        not_archived: why the newest rows of the live server are not in the repository; empty if they are.
    """

    moment: Moment
    timeline: int
    backup: PhysicalBackup
    segments: int
    wal_bytes: int
    earliest: datetime
    latest: datetime
    archived: tuple[datetime, ...] = ()
    last: Segment | None = None
    not_archived: str = ""

    def lag(self, time: datetime) -> float:
        """Return the age of the newest WAL in the repository at a time, in seconds.

        A server that writes nothing archives nothing, so the age is the most that could have been lost.
        """
        before = [each for each in self.archived if each <= time]
        return (time - max(before, default=self.backup.finished_at)).total_seconds()

    @property
    def needed_bytes(self) -> int:
        """Bytes that the recovered server needs beside the live one. WAL lies there, and makes files grow."""
        wal = self.segments * SEGMENT_BYTES
        return self.backup.database_bytes + wal + min(wal, MOST_WAL)

    @property
    def options(self) -> tuple[str, ...]:
        """The options of pgBackRest's restore."""
        return (f"--set={self.backup.label}", f"--target-timeline={self.timeline}", *self.moment.options)

    def document(self, now: datetime) -> dict[str, Any]:
        """Return the choice as values for the JSON line.

        Args:
            now: the current time; what was written since the moment will be lost.
        """
        point, until = self.moment.point, self.latest if self.moment.latest else self.moment.time
        return {
            "moment": LATEST if self.moment.latest else shown(self.moment.time),
            "point": point.name if point else None,
            "timeline": self.timeline,
            "backup": self.backup.label,
            "backup_finished_at": shown(self.backup.finished_at),
            "earliest": shown(self.earliest),
            "latest": shown(self.latest),
            "wal_segments": self.segments,
            "wal_bytes": self.wal_bytes,
            "needed_bytes": self.needed_bytes,
            "lost_seconds": max(0, round((now - until).total_seconds())),
            "not_archived": self.not_archived,
        }


def choose(info: Info, history: History, moment: Moment, live_until: datetime | None) -> Choice:
    """Choose the backup and the timeline for a moment.

    Args:
        info: the backups in the repository.
        history: its timelines and WAL.
        moment: the moment to recover to.
        live_until: the time up to which the live server has archived its WAL; None without such a server.

    Raises:
        Failed: the repository does not hold this moment; the error says which moments it holds.
    """
    usable = info.good
    if not usable:
        damaged = f" but damaged ones: {_labels(info.backups)}" if info.backups else ""
        what = f"the repository holds no physical backup{damaged}"
        raise Failed(what, "take one with physical-backup.sh --type full first")
    earliest, latest = usable[0].finished_at, _latest(usable, history, live_until)
    span = f"it holds {shown(earliest)} to {shown(latest)}"
    timeline = find_timeline(history, moment)
    if moment.time < earliest:
        raise Failed(f"{moment} is before the first backup in the repository", f"{span}; choose from that", 2)
    if moment.time > latest and not moment.latest:
        what = f"{moment} is after the last WAL in the repository"
        raise Failed(what, f"{span}; choose from that, or take --to-time {LATEST}", 2)
    fitting = [each for each in usable if _comes_before(each, moment) and history.leads_to(each, timeline)]
    if not fitting:
        what = f"{moment} is on timeline {timeline}, and no backup in the repository leads there"
        raise Failed(what, f"{span}, on the timelines of {_labels(usable)}; choose another moment", 2)
    backup, wal = fitting[-1], history.of(timeline)
    needed = list(_needed(wal, backup, moment))
    leading = [each for each in usable if history.leads_to(each, timeline)]
    _require_unbroken(needed, backup, leading, history, timeline)
    last = needed[-1] if needed else None
    needed += _held_up(wal, needed, moment)
    stored = sum(each.stored_bytes for each in needed)
    archived = tuple(each.archived_at for each in wal)
    return Choice(moment, timeline, backup, len(needed), stored, earliest, latest, archived, last)


def find_timeline(history: History, moment: Moment) -> int:
    """Return the timeline on which a moment lies."""
    if moment.point:
        return moment.point.timeline
    return history.newest if moment.latest else history.at(moment.time)


def _latest(usable: Sequence[PhysicalBackup], history: History, live_until: datetime | None) -> datetime:
    if live_until:
        return live_until
    archived = [each.archived_at for each in history.segments]
    return max(usable[-1].finished_at, *archived, datetime.fromtimestamp(0, UTC))


def _comes_before(backup: PhysicalBackup, moment: Moment) -> bool:
    if moment.point:
        return position(backup.last_lsn) <= position(moment.point.lsn)
    return backup.finished_at <= moment.time


def _needed(wal: Sequence[Segment], backup: PhysicalBackup, moment: Moment) -> Iterator[Segment]:
    """Yield the segments from a backup to the one that holds the moment."""
    last = number_of(backup.last_wal)
    for each in wal:
        if each.number < number_of(backup.first_wal):
            continue
        yield each
        if each.number >= last and _holds(each, moment):
            return


def _held_up(wal: Sequence[Segment], needed: Sequence[Segment], moment: Moment) -> Iterator[Segment]:
    """Yield the segments that may lie before a moment too, because S3 was away then.

    A segment's time says when it was stored. After an outage, many follow one another that had waited.
    """
    if moment.point or moment.latest or len(needed) < 2:  # noqa: PLR2004 - a pause lies between two
        return
    last, before = needed[-1], needed[-2]
    if last.archived_at - before.archived_at < OUTAGE:
        return
    for each in wal[wal.index(last) + 1 :]:
        if each.archived_at - last.archived_at > BURST:
            return
        yield each
        last = each


def _holds(segment: Segment, moment: Moment) -> bool:
    if moment.point:
        return segment.first_byte + SEGMENT_BYTES > position(moment.point.lsn)
    return segment.archived_at > moment.time and not moment.latest


def _require_unbroken(
    needed: Sequence[Segment],
    backup: PhysicalBackup,
    leading: Sequence[PhysicalBackup],
    history: History,
    timeline: int,
) -> None:
    """Refuse a moment to which no unbroken WAL leads, before anything is restored.

    PostgreSQL takes a missing segment for the end of the WAL.
    """
    first = number_of(backup.first_wal)
    missing = next((n for n, each in enumerate(needed, first) if n != each.number), None)
    if not needed:
        missing = first
    if missing is None:
        return
    name = history.name_of(timeline, missing)
    what = f"the repository lacks the WAL segment {name}, which leads to that moment"
    spans = [*_spans_around(missing, leading, history.of(timeline))]
    if not spans:
        raise Failed(what, "no backup has the WAL that it needs; run physical-backup.sh --type full")
    raise Failed(what, f"the moments {' and those '.join(spans)} can be recovered; choose from them")


def _spans_around(missing: int, leading: Sequence[PhysicalBackup], wal: Sequence[Segment]) -> Iterator[str]:
    """Yield the moments before and after a missing segment, in words. A backup needs its own first one."""
    stored = {each.number: each.archived_at for each in wal}
    begins = {number: each for each in reversed(leading) if (number := number_of(each.first_wal)) in stored}
    if min(begins, default=missing) < missing:
        yield f"until about {shown(max(time for number, time in stored.items() if number < missing))}"
    if later := min((number for number in begins if number > missing), default=0):
        yield f"since {shown(begins[later].finished_at)}"


def _labels(usable: Sequence[PhysicalBackup]) -> str:
    return ", ".join(each.label for each in usable)
