"""The summary of the physical backups: a small JSON file in the bucket, for lists and alarms.

The program on the node writes it after each backup. So nobody else has to read pgBackRest's own files, and
the database's container, whose keys do not reach it, cannot change it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from quickdata_node import names
from quickdata_node.physical.gaps import Gap
from quickdata_node.physical.info import Info
from quickdata_node.physical.points import Point
from quickdata_node.store import Store

FILE = "physical.json"
UNREADABLE = "unreadable-physical"
"""Begins the name of a summary that could not be used, and was kept when a new one took its place."""
FORMAT = 1
Read = TypeVar("Read")
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
        on_since: when they were turned on, in UTC; None as soon as a good backup since then and the gaps
            before it are listed. The first backup of all has no gaps before it.
        verified: name of the proof point that a drill compared last; None if there was no drill yet.
        verified_at: when that drill ended, in UTC.
        gaps: the spans that no recovery reaches, oldest first.
    """

    database: str
    backups: Sequence[Listed]
    point: str | None = None
    proven_at: datetime | None = None
    off_since: datetime | None = None
    on_since: datetime | None = None
    verified: str | None = None
    verified_at: datetime | None = None
    gaps: Sequence[Gap] = field(default_factory=list)

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

    @property
    def on_again_since(self) -> datetime | None:
        """When physical backups were turned on after they had been off, in UTC; None if that is not known.

        A summary without backups was begun anew: it does not know that they were off.
        """
        return self.on_since if self.backups else None

    @property
    def new_gaps(self) -> Sequence[Gap]:
        """The gaps that raise an alarm: no full backup was taken since one was found.

        A full backup needs no file of an earlier one, and no older WAL.
        """
        full = self.newest_full
        return [
            each
            for each in self.gaps
            if each.found_at and not each.off and (full is None or full.finished_at <= each.found_at)
        ]

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


def summarize(
    database: str,
    info: Info,
    point: Point | None,
    before: Summary | None = None,
    gaps: Sequence[Gap] | None = None,
) -> Summary:
    """Return the summary of what the repository holds.

    Args:
        database: the database that the points count.
        info: what the repository holds.
        point: the newest proof point.
        before: the summary before; what it says of another cluster is forgotten.
        gaps: the spans that no recovery reaches; None if nobody has looked yet: then those of the summary
            before stay, and a backup that was due still is.
    """
    backups = [
        Listed(each.label, each.kind, each.finished_at, each.database_bytes, each.stored_bytes, each.damaged)
        for each in info.backups
    ]
    found = Summary(database, backups, gaps=gaps or [])
    found = replace(found, point=point.name, proven_at=point.time) if point else found
    if before is None or {each.label for each in before.backups}.isdisjoint(each.label for each in backups):
        return found
    due, known = (before.on_since, before.gaps) if gaps is None else (None, gaps)
    return replace(found, on_since=due, verified=before.verified, verified_at=before.verified_at, gaps=known)


def write(store: Store, summary: Summary) -> None:
    """Write the summary in place of the one before.

    Raises:
        StoreFailed: S3 refused it.
    """
    store.write(key(summary.database), summary.text().encode())


def keep_unreadable(store: Store, database: str, now: datetime) -> str:
    """Copy a summary that cannot be used, before a new one takes its place.

    Returns:
        The copy's key.

    Raises:
        StoreFailed: S3 refused it.
    """
    kept = f"{names.folder(database)}{UNREADABLE}-{now:%Y%m%dT%H%M%SZ}.json"
    store.write(kept, store.read(key(database)))
    return kept


def note_verified(store: Store, database: str, point: str, when: datetime) -> None:
    """Note in the summary that a drill has recovered and compared a proof point.

    Raises:
        StoreFailed: S3 refused it.
        BadSummary: there is no summary that can be understood.
    """
    known = read_summary(store.read(key(database)), database)
    write(store, replace(known, verified=point, verified_at=when))


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
        return Summary(
            database=database,
            backups=backups,
            point=_maybe(_word, document["point"]),
            proven_at=_maybe(_time, document["proven_at"]),
            off_since=_maybe(_time, document.get("off_since")),  # an earlier program's summary lacks the rest
            on_since=_maybe(_time, document.get("on_since")),
            verified=_maybe(_word, document.get("verified")),
            verified_at=_maybe(_time, document.get("verified_at")),
            gaps=[_gap(each) for each in document.get("gaps", [])],
        )
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


def _gap(each: dict[str, Any]) -> Gap:
    off = each.get("off", False)  # a summary of an earlier program has the two times alone
    if type(off) is not bool:
        raise BadSummary("has values that are not valid")
    times = _time(each["since"]), _maybe(_time, each["until"]), _maybe(_time, each.get("found_at"))
    missing = [_word(each.get(name, "")) for name in ("first_wal", "last_wal")]
    return Gap(*times, off, *missing)


def _word(value: Any) -> str:
    if not (isinstance(value, str) and value.isascii() and value.isprintable()):
        raise BadSummary("has a name that is not valid")
    return value


def _maybe(read: Callable[[Any], Read], value: Any) -> Read | None:
    return None if value is None else read(value)


def _time(value: Any) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)
