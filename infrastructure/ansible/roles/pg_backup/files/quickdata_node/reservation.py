"""The reservation of a lock: a recovery that waits for its swap keeps other runs away.

The swap is a run of its own, with the database stopped. Without a reservation, another run could take the
lock in between: a drill would remove the finished recovery, and a backup would make the swap fail, with the
database down. A reservation ends by itself, because the command that was to swap may have been killed.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

HALF_AN_HOUR = timedelta(minutes=30)
"""The longest reservation. To stop NocoDB and the database takes less than a minute."""


class Reservation(NamedTuple):
    """A reservation of a lock.

    Args:
        id: id of the recovery that the lock is reserved for.
        until: when the reservation ends, in UTC.
    """

    id: str
    until: datetime

    @property
    def shown(self) -> str:
        """The end of the reservation, as a message shows it."""
        return f"{self.until:%H:%M} UTC"


def file_of(lock_file: Path) -> Path:
    """Return the file with a lock's reservation."""
    return lock_file.with_name(f"{lock_file.name}.reserved")


def reserve(lock_file: Path, recovery: str) -> None:
    """Reserve a lock for the swap of a recovery. The caller holds the lock."""
    until = datetime.now(UTC) + HALF_AN_HOUR
    file_of(lock_file).write_text(json.dumps([recovery, until.isoformat()]), encoding="utf-8")


def release(lock_file: Path) -> None:
    """End a reservation."""
    file_of(lock_file).unlink(missing_ok=True)


def is_for(lock_file: Path, recovery: str) -> bool:
    """Return whether a lock is reserved for a recovery."""
    found = find(lock_file, "")
    return bool(found and found.id == recovery)


def find(lock_file: Path, recovery: str) -> Reservation | None:
    """Return another recovery's reservation of a lock; None if the lock is free for this one.

    Args:
        lock_file: the lock.
        recovery: id of the recovery that wants it; empty for any other run.
    """
    try:
        number, until = json.loads(file_of(lock_file).read_text(encoding="utf-8"))
        found = Reservation(str(number), datetime.fromisoformat(until).astimezone(UTC))
    except (OSError, ValueError, TypeError):
        return None
    now = datetime.now(UTC)
    return found if found.id != recovery and now < found.until <= now + HALF_AN_HOUR else None
