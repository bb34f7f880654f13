"""The summary of the physical backups: a small JSON file in the bucket, for lists and alarms.

The program on the node writes it after each backup. So nobody else has to read pgBackRest's own files, and
the database's container, whose keys do not reach it, cannot change it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from quickdata_node import names
from quickdata_node.physical.info import Info
from quickdata_node.physical.points import Point
from quickdata_node.store import Store

FILE = "physical.json"
FORMAT = 1
KINDS = ("full", "diff", "incr")
MOST = 10**18


class BadSummary(Exception):  # noqa: N818 - callers say which one
    """A summary that cannot be used. The message completes the sentence "the summary …"."""


@dataclass(frozen=True)
class Listed:
    """A physical backup in the summary.

    Args:
        label: pgBackRest's name for it.
        kind: full, diff or incr.
        finished_at: when it ended, in UTC: the earliest moment that a recovery from it reaches.
        database_bytes: bytes of the server's files.
        stored_bytes: bytes that it added to the bucket.
        damaged: whether it holds pages with a wrong checksum. No recovery takes such a backup.
    """

    label: str
    kind: str
    finished_at: datetime
    database_bytes: int
    stored_bytes: int
    damaged: bool = False


@dataclass(frozen=True)
class Summary:
    """The physical backups that exist, oldest first, and the newest proof.

    Args:
        database: the database that the points count.
        backups: the backups.
        point: name of the newest proof point; None if there is none yet.
        proven_at: its moment, in UTC.
        off_since: when physical backups were turned off, in UTC; None while they are on.
    """

    database: str
    backups: Sequence[Listed]
    point: str | None = None
    proven_at: datetime | None = None
    off_since: datetime | None = None

    @property
    def good(self) -> Sequence[Listed]:
        """The backups that a recovery may take, oldest first."""
        return [each for each in self.backups if not each.damaged]

    @property
    def newest(self) -> Listed | None:
        """The newest good backup."""
        return next(reversed(self.good), None)

    @property
    def newest_full(self) -> Listed | None:
        """The newest good full backup."""
        return next((each for each in reversed(self.good) if each.kind == "full"), None)

    def document(self) -> dict[str, Any]:
        """Return the summary as values for JSON."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self), default=datetime.isoformat))
        return document

    def text(self) -> str:
        """Return the summary as the text of the file in the bucket."""
        return json.dumps({"format": FORMAT, **self.document()})


def key(database: str) -> str:
    """Return the key of a database's summary."""
    return f"{names.folder(database)}{FILE}"


def summarize(database: str, info: Info, point: Point | None) -> Summary:
    """Return the summary of what the repository holds.

    Args:
        database: the database that the points count.
        info: what the repository holds.
        point: the newest proof point.
    """
    backups = [
        Listed(each.label, each.kind, each.finished_at, each.database_bytes, each.stored_bytes, each.damaged)
        for each in info.backups
    ]
    return Summary(database, backups, point.name, point.time) if point else Summary(database, backups)


def write(store: Store, summary: Summary) -> None:
    """Write the summary in place of the one before.

    Raises:
        StoreFailed: S3 refused it.
    """
    store.write(key(summary.database), summary.text().encode())


def read_summary(text: bytes, database: str) -> Summary:
    """Return the summary in a text. The text is hostile until checked.

    Raises:
        BadSummary: the text is not a summary of this database.
    """
    try:
        document = json.loads(text)
        if (document["format"], document["database"]) != (FORMAT, database):
            raise BadSummary("belongs to another database, or has another format")
        backups = [_listed(each) for each in document["backups"]]
        off = _time(document["off_since"]) if document.get("off_since") else None
        if document["point"] is None:
            return Summary(database, backups, off_since=off)
        return Summary(database, backups, _word(document["point"]), _time(document["proven_at"]), off)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise BadSummary("cannot be understood") from error


def _listed(each: dict[str, Any]) -> Listed:
    sizes = each["database_bytes"], each["stored_bytes"]
    damaged = each.get("damaged", False)  # a summary of an earlier program does not say it
    if each["kind"] not in KINDS or not all(type(size) is int and 0 <= size < MOST for size in sizes):
        raise BadSummary("has values that are not valid")
    if type(damaged) is not bool:
        raise BadSummary("has values that are not valid")
    return Listed(_word(each["label"]), each["kind"], _time(each["finished_at"]), *sizes, damaged)


def _word(value: Any) -> str:
    if not (isinstance(value, str) and value.isascii() and value.isprintable()):
        raise BadSummary("has a name that is not valid")
    return value


def _time(value: Any) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)
