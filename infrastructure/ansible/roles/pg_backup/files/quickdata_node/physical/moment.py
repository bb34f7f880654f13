"""The moment that a recovery brings back: a time, a proven point, or the end of the WAL."""

from dataclasses import dataclass
from datetime import UTC, datetime

from quickdata_node.physical.points import Point
from quickdata_node.run import Failed

LATEST = "latest"
"""Stands for a time: the end of the WAL in the repository."""
EXAMPLE = "write it like '2026-11-28 14:55:00+01:00'"


@dataclass(frozen=True)
class Moment:
    """A moment in the database's past.

    Args:
        time: the time, in UTC; for the end of the WAL, the current time.
        point: the proven point; None when a time was given.
        latest: whether the end of the WAL was asked for.
    """

    time: datetime
    point: Point | None = None
    latest: bool = False

    def __str__(self) -> str:
        """The moment as the log and the question show it."""
        if self.latest:
            return "the end of the WAL"
        at = shown(self.time)
        return f"{at}, the proven point {self.point.name}" if self.point else at

    @property
    def options(self) -> tuple[str, ...]:
        """The options of pgBackRest's restore. https://pgbackrest.org/command.html#command-restore

        The server does not pause at the moment: there, a transaction that was open, such as a `drop table`,
        would keep its locks, and nobody could count the rows. The end of the recovery takes it back.
        """
        if self.latest:
            return ("--type=default",)
        if self.point:
            return ("--type=name", f"--target={self.point.name}", "--target-action=promote")
        target = f"{self.time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
        return ("--type=time", f"--target={target}", "--target-action=promote")


def read_time(text: str, now: datetime) -> Moment:
    """Return the moment of a time in words.

    Args:
        text: a time with its zone, in a form of ISO 8601; or "latest".
        now: the current time.

    Raises:
        Failed: the text is not a time, has no zone, or is in the future.
    """
    if text == LATEST:
        return Moment(now, latest=True)
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo:
            time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Failed(f"{text!r} is not a time", EXAMPLE, 2) from None
    if time.tzinfo is None:
        raise Failed(f"the time {text!r} has no time zone", f"{EXAMPLE}, with your zone or Z", 2)
    if time > now:
        raise Failed(f"{shown(time)} is in the future", f"it is {shown(now)} now; give an earlier time", 2)
    return Moment(time)


def shown(time: datetime) -> str:
    """Return a time in UTC, as the log and the JSON line write it."""
    utc = time.astimezone(UTC)
    return utc.isoformat(" ").removesuffix("+00:00") + "Z"
