"""The timelines of the cluster and the WAL of each, as the repository holds them.

Each recovery begins a timeline. Its history file goes to the repository when the recovered server has
started. So the file's time says from when on a moment belongs to that timeline.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from quickdata_node.physical.container import STANZA
from quickdata_node.physical.info import Info, PhysicalBackup
from quickdata_node.physical.pgbackrest import PgBackRest

SEGMENT = re.compile(r"(?:.*/)?([0-9A-F]{24})-[0-9a-f]{40}(?:\.[a-z0-9]+)?")
HISTORY = re.compile(r"(?:.*/)?([0-9A-F]{8})\.history")
PARENT = re.compile(r"^\s*(\d+)\t([0-9A-F]+/[0-9A-F]+)", re.MULTILINE)
"""A line of a history file: a timeline before this one, and where it was left.

Source: PostgreSQL's src/backend/access/transam/timeline.c.
"""


class Segment(NamedTuple):
    """A WAL segment in the repository.

    Args:
        name: its name, which begins with its timeline.
        archived_at: when it was stored, in UTC.
        stored_bytes: its bytes in the bucket.
    """

    name: str
    archived_at: datetime
    stored_bytes: int


@dataclass(frozen=True)
class Timeline:
    """A timeline that a recovery began.

    Args:
        number: its number.
        began: when its history file was stored, in UTC.
        parents: the timelines before it, and the LSN where each was left.
    """

    number: int
    began: datetime
    parents: dict[int, int]


@dataclass(frozen=True)
class History:
    """All timelines and WAL segments of the cluster.

    Args:
        timelines: the timelines that recoveries began, by number.
        segments: the WAL segments, in the order of their names.
        first: the number of the timeline that no recovery began.
    """

    timelines: dict[int, Timeline]
    segments: tuple[Segment, ...]
    first: int = 1

    def at(self, time: datetime) -> int:
        """Return the number of the timeline that was live at a time."""
        begun = [each for each in self.timelines.values() if each.began <= time]
        return max((each.number for each in begun), default=self.first)

    def ended(self, number: int) -> datetime | None:
        """Return when a later timeline replaced one; None if it is the newest."""
        later = [each.began for each in self.timelines.values() if each.number > number]
        return min(later, default=None)

    def leads_to(self, backup: PhysicalBackup, timeline: int) -> bool:
        """Return whether WAL leads from a backup to a timeline."""
        own = timeline_of(backup.first_wal)
        if own == timeline:
            return True
        left = self.timelines[timeline].parents.get(own) if timeline in self.timelines else None
        return left is not None and position(backup.last_lsn) <= left

    def of(self, timeline: int) -> Iterator[Segment]:
        """Yield the segments of a timeline and of those before it."""
        known = self.timelines.get(timeline)
        numbers = {timeline, *(known.parents if known else ())}
        return (each for each in self.segments if timeline_of(each.name) in numbers)


def read_history(pgbackrest: PgBackRest, info: Info) -> History:
    """Return the timelines and the WAL of the cluster.

    Raises:
        Failed: the repository cannot be read.
    """
    if not info.archives:
        return History({}, ())
    folder = f"archive/{STANZA}/{info.archives[-1].folder}"
    listed = json.loads(pgbackrest.command("repo-ls", "--output=json", "--recurse", folder) or "{}")
    timelines = {
        number: Timeline(number, _time(listed[file]), read_parents(pgbackrest.command("repo-get", path)))
        for number, file in _histories(listed)
        if (path := f"{folder}/{file}")
    }
    segments = sorted(_segments(listed))
    return History(timelines, tuple(segments), first=_first(timelines, segments))


def read_parents(text: str) -> dict[int, int]:
    """Return the timelines in a history file, and the LSN where each was left."""
    return {int(number): position(lsn) for number, lsn in PARENT.findall(text)}


def timeline_of(segment: str) -> int:
    """Return the timeline in a segment's name."""
    return int(segment[:8], 16)


def position(lsn: str) -> int:
    """Return an LSN as a number of bytes."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _histories(listed: Iterable[str]) -> Iterator[tuple[int, str]]:
    for file in listed:
        if found := HISTORY.fullmatch(file):
            yield int(found[1], 16), file


def _segments(listed: dict[str, dict[str, int]]) -> Iterator[Segment]:
    for file, facts in listed.items():
        if found := SEGMENT.fullmatch(file):
            yield Segment(found[1], _time(facts), facts["size"])


def _first(timelines: dict[int, Timeline], segments: list[Segment]) -> int:
    numbers = {timeline_of(each.name) for each in segments} - timelines.keys()
    return min(numbers, default=1)


def _time(facts: dict[str, int]) -> datetime:
    return datetime.fromtimestamp(facts["time"], UTC)
