"""The lock of a state: who holds it, since when, for what; told by a backend or found in a tool's words."""

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
"""What the tools say of an HTTP lock. Terraform then describes the lock that it asked for, OpenTofu the one
that is held, as GitLab tells it: with the operation of whoever asks."""


@dataclass(frozen=True)
class Lock:
    """A lock that somebody holds, or left behind.

    Args:
        id: what tells it from others.
        who: its owner; empty when that is not known.
        operation: what it was taken for; empty when that is not known.
        created: when it was taken; None when that is not known.
    """

    id: str
    who: str = ""
    operation: str = ""
    created: datetime | None = None

    def document(self) -> dict[str, str]:
        """Return it in the form that OpenTofu and Terraform write and read (statemgr.LockInfo)."""
        created = self.created.isoformat().replace("+00:00", "Z") if self.created else ""
        known = {"ID": self.id, "Operation": self.operation, "Who": self.who, "Created": created}
        return known | {"Info": "", "Version": "", "Path": ""}

    def __str__(self) -> str:
        """The lock in words."""
        words = [f"by {self.who}" if self.who else "by a run that is not named"]
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
    """Return the lock that a document describes; whatever it lacks is not known."""
    values = document if isinstance(document, dict) else {}
    texts = [str(values.get(name) or "") for name in ("ID", "Who", "Operation", "Created")]
    return Lock(texts[0] or "without an id", texts[1], texts[2], _time(texts[3]))


def find_lock_in(text: str) -> Lock | None:
    """Return the lock that a tool's error describes; None when it describes none."""
    names = ("ID", "Who", "Operation", "Created")
    fields = {name: match[1] for name in names if (match := re.search(FIELD.format(name), text))}
    by_http = BY_HTTP.search(text)
    if by_http and by_http[1] != fields.get("ID"):
        return Lock(by_http[1])
    if by_http:
        fields.pop("Operation", None)
    return read_lock(fields) if "ID" in fields else None


def _time(text: str) -> datetime | None:
    """Read a time as Go writes it, as JSON or as text: nanoseconds are cut."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", text)
    return datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00") if match else None
