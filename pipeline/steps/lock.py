"""The lock of a state: its owner, its age and its purpose, from a backend or from a tool's error."""

import getpass
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pipeline.units import duration

FIELD = r"{}: +(\S.*?)\s*(?:\n|$)"
BY_HTTP = re.compile(r"already\s+locked:\s+ID=(\S+)")
"""How the tools report an HTTP lock. Terraform then describes its own new lock. OpenTofu describes the held
lock as GitLab returns it, with the operation of the run that asks."""


@dataclass(frozen=True)
class Lock:
    """A lock that a run holds, or left behind.

    Args:
        id: the lock's id.
        who: the owner; empty if unknown.
        operation: the operation that needs the lock; empty if unknown.
        created: when it was taken; None if unknown.
    """

    id: str
    who: str = ""
    operation: str = ""
    created: datetime | None = None

    def document(self) -> dict[str, str]:
        """Return the lock in the form that OpenTofu and Terraform write and read (statemgr.LockInfo)."""
        created = self.created.isoformat().replace("+00:00", "Z") if self.created else ""
        known = {"ID": self.id, "Operation": self.operation, "Who": self.who, "Created": created}
        return known | {"Info": "", "Version": "", "Path": ""}

    def __str__(self) -> str:
        """The lock in words."""
        words = [f"by {self.who}" if self.who else "by an unknown run"]
        if self.created:
            old = duration((datetime.now(UTC) - self.created).total_seconds())
            words.append(f"since {self.created:%Y-%m-%d %H:%M:%S} UTC, {old} ago")
        if self.operation:
            words.append(f"for {self.operation.removeprefix('OperationType').lower()}")
        return f"{', '.join(words)} (lock {self.id})"


def new_lock(operation: str) -> Lock:
    """Return a new lock of this user on this machine."""
    return Lock(str(uuid4()), f"{getpass.getuser()}@{platform.node()}", operation, datetime.now(UTC))


def read_lock(document: Any) -> Lock:
    """Return the lock that a document describes; missing fields are unknown."""
    values = document if isinstance(document, dict) else {}
    texts = [str(values.get(name) or "") for name in ("ID", "Who", "Operation", "Created")]
    return Lock(texts[0] or "without an id", texts[1], texts[2], _time(texts[3]))


def find_lock_in(text: str) -> Lock | None:
    """Return the lock in a tool's error; None if the error has none."""
    names = ("ID", "Who", "Operation", "Created")
    fields = {name: match[1] for name in names if (match := re.search(FIELD.format(name), text))}
    by_http = BY_HTTP.search(text)
    if by_http and by_http[1] != fields.get("ID"):
        return Lock(by_http[1])
    if by_http:
        fields.pop("Operation", None)
    return read_lock(fields) if "ID" in fields else None


def _time(text: str) -> datetime | None:
    """Read a time as Go writes it, as JSON or as text. Fractions of a second are ignored."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", text)
    return datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00") if match else None
