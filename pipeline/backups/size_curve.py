"""The size of the backups over time, as a curve for a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pipeline.backups.catalogue import Backup
from pipeline.backups.gaps import usable

WIDTH, HEIGHT = 1000, 200
"""Units of the picture; it is stretched to the width of its page."""
DOTS = 60
"""More would hide the curve."""


@dataclass(frozen=True)
class Dot:
    """A backup on the curve.

    Args:
        x: units from the left.
        y: units from the top.
        backup: the backup.
    """

    x: float
    y: float
    backup: Backup


@dataclass(frozen=True)
class SizeCurve:
    """The curve, from left to right; the bottom is 0 bytes, the top the largest backup.

    Args:
        points: all backups.
        most: bytes of the largest backup.
    """

    points: tuple[Dot, ...]
    most: int

    @property
    def path(self) -> str:
        """The curve as an SVG path."""
        return "M" + " L".join(f"{each.x:.1f} {each.y:.1f}" for each in self.points)

    @property
    def dots(self) -> tuple[Dot, ...]:
        """The backups that get a dot: all, or the first and the last of many."""
        return self.points if len(self.points) <= DOTS else (self.points[0], self.points[-1])


def size_curve(listed: Iterable[Backup], now: datetime) -> SizeCurve:
    """Return the curve of the backups that can be restored.

    Args:
        listed: a database's backups.
        now: the time, in UTC.
    """
    shown = sorted((each for each in listed if usable(each, now)), key=lambda each: each.taken)
    most = max((each.bytes for each in shown), default=0)
    return SizeCurve(tuple(Dot(*_place(each, shown, most), each) for each in shown), most)


def _place(backup: Backup, shown: list[Backup], most: int) -> tuple[float, float]:
    span = (shown[-1].taken - shown[0].taken).total_seconds()
    since = (backup.taken - shown[0].taken).total_seconds()
    return (WIDTH * since / span if span else WIDTH / 2), HEIGHT * (1 - backup.bytes / (most or 1))
