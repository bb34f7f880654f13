"""The timelines of the cluster and the WAL of each, as the repository holds them.

Each recovery begins a timeline. Its history file goes to the repository when the recovered server has
started. So the file's time says from when on a moment belongs to that timeline. An operator may also move the
files of an older timeline back: then its WAL, stored after that history file, says the same.
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

SEGMENT = re.compile(r"(?:.*/)?([0-9A-F]{24})-([0-9a-f]{40})(?:\.[a-z0-9]+)?")
HISTORY = re.compile(r"(?:.*/)?([0-9A-F]{8})\.history")
PARENT = re.compile(r"^\s*(\d+)\t([0-9A-F]+/[0-9A-F]+)", re.MULTILINE)
"""A line of a history file: a timeline before this one, and where it was left.

Source: PostgreSQL's src/backend/access/transam/timeline.c.
"""
SEGMENT_BYTES = 16 << 20
"""Bytes of a WAL segment: initdb's default, which the image of the database does not change."""


class Segment(NamedTuple):
    """A WAL segment in the repository.

    Args:
        name: its name, which begins with its timeline.
        archived_at: when it was stored, in UTC.
        stored_bytes: its bytes in the bucket.
        sha1: the checksum of its content, which pgBackRest writes into the name of its file.
    """

    name: str
    archived_at: datetime
    stored_bytes: int
    sha1: str = ""

    @property
    def number(self) -> int:
        """Its number: how many segments precede it since the cluster was created."""
        return number_of(self.name)

    @property
    def first_byte(self) -> int:
        """The LSN where it begins, as a number of bytes."""
        return self.number * SEGMENT_BYTES


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
        events = [*self._events()]
        before = [number for when, _, number in events if when <= time]
        number = before[-1] if before else self.first
        after = next((each for each in events if each[0] > time), None)
        # The next WAL is of a timeline that had begun already: its files were moved back in between.
        if after and after[1] and after[2] != number and self._had_begun(after[2], time):
            return after[2]
        return number

    def _events(self) -> list[tuple[datetime, bool, int]]:
        """Return when a timeline showed that it was live, whether by WAL, and its number, in order."""
        begun = [(each.began, False, each.number) for each in self.timelines.values()]
        return sorted([*begun, *((each.archived_at, True, timeline_of(each.name)) for each in self.segments)])

    def _had_begun(self, number: int, time: datetime) -> bool:
        return number not in self.timelines or self.timelines[number].began <= time

    @property
    def newest(self) -> int:
        """The number of the timeline that was live last, as far as the repository shows it."""
        return self.at(datetime.max.replace(tzinfo=UTC))

    def holds(self, timeline: int, number: int, lsn: str) -> bool:
        """Return whether a place in the WAL is in the past of a timeline, or on this timeline itself.

        Args:
            timeline: the timeline.
            number: the timeline of the place.
            lsn: the place.
        """
        if number == timeline:
            return True
        left = self.timelines[timeline].parents.get(number) if timeline in self.timelines else None
        return left is not None and position(lsn) <= left

    def leads_to(self, backup: PhysicalBackup, timeline: int) -> bool:
        """Return whether WAL leads from a backup to a timeline."""
        return self.holds(timeline, timeline_of(backup.first_wal), backup.last_lsn)

    def writer_of(self, timeline: int, number: int) -> int:
        """Return the timeline that wrote a segment of a timeline's WAL: this one, or one of its past."""
        known = self.timelines.get(timeline)
        past = known.parents.items() if known else ()
        left_later = [(left, parent) for parent, left in past if number * SEGMENT_BYTES < left]
        return min(left_later)[1] if left_later else timeline

    def name_of(self, timeline: int, number: int) -> str:
        """Return the name of a segment of a timeline's WAL, also of one that the repository lacks."""
        return segment_name(self.writer_of(timeline, number), number)

    def of(self, timeline: int) -> list[Segment]:
        """Return the segments of a timeline and of its past, in the order of the WAL.

        Where a timeline was left, its segment may be there twice: with the WAL up to this place, and once
        more with what the next timeline wrote. PostgreSQL takes the newer timeline's.
        """
        known = self.timelines.get(timeline)
        parents = known.parents if known else {}
        found: dict[int, Segment] = {}
        for each in sorted(self.segments):
            number = timeline_of(each.name)
            if number == timeline or each.first_byte < parents.get(number, 0):
                found[each.number] = each
        return [found[number] for number in sorted(found)]


def read_history(pgbackrest: PgBackRest, info: Info) -> History:
    """Return the timelines and the WAL of the cluster.

    Raises:
        Failed: the repository cannot be read.
    """
    timelines: dict[int, Timeline] = {}
    segments: list[Segment] = []
    for archive in info.archives:
        folder = f"archive/{STANZA}/{archive.folder}"
        listed = json.loads(pgbackrest.command("repo-ls", "--output=json", "--recurse", folder) or "{}")
        segments += _segments(listed)
        for number, file in _histories(listed):
            parents = read_parents(pgbackrest.command("repo-get", f"{folder}/{file}"))
            timelines[number] = Timeline(number, _time(listed[file]), parents)
    return History(timelines, tuple(sorted(segments)), first=_first(timelines, segments))


def read_parents(text: str) -> dict[int, int]:
    """Return the timelines in a history file, and the LSN where each was left."""
    return {int(number): position(lsn) for number, lsn in PARENT.findall(text)}


def timeline_of(segment: str) -> int:
    """Return the timeline in a segment's name."""
    return int(segment[:8], 16)


def number_of(segment: str) -> int:
    """Return the number in a segment's name."""
    return int(segment[8:16], 16) * ((1 << 32) // SEGMENT_BYTES) + int(segment[16:], 16)


def segment_name(timeline: int, number: int) -> str:
    """Return the name of a segment."""
    high, low = divmod(number, (1 << 32) // SEGMENT_BYTES)
    return f"{timeline:08X}{high:08X}{low:08X}"


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
            yield Segment(found[1], _time(facts), facts["size"], found[2])


def _first(timelines: dict[int, Timeline], segments: list[Segment]) -> int:
    numbers = {timeline_of(each.name) for each in segments} - timelines.keys()
    return min(numbers, default=1)


def _time(facts: dict[str, int]) -> datetime:
    return datetime.fromtimestamp(facts["time"], UTC)
