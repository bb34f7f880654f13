"""Proof points: moments to which a recovery can go, each with the fingerprints of its rows.

A point is a restore point in the WAL, and a JSON file in the bucket that says which rows the database had
there. Both must be of the same moment, although clients write all the time:

1. One session locks all tables in SHARE mode, which waits for open transactions, and keeps writers out. No
   row changes from now on, until this session ends.
2. This session creates the restore point, and exports its snapshot.
3. A second session imports the snapshot. Then the first one ends, and writers go on, after some 0.2 s.
4. The second session counts, as for a backup (`fingerprints.py`).

A snapshot of a transaction without these locks does not do: under load, it nearly always differed from the
restore point. Tables that were created or dropped meanwhile make the two lists of tables differ, and the
point is tried again. Unlogged tables are left out: they are not in the WAL.

A session that wants a table for itself may queue between the two: then the second session waits for it, it
waits for the first one, and PostgreSQL sees no deadlock. So the second session soon gives up, and the server
ends the first one when it has waited for 5 s.
"""

import json
import re
import secrets
import socket
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quickdata_node import names
from quickdata_node.fingerprints import (
    BEGIN,
    EVERY_TABLE,
    LOCKED,
    LOGGED,
    count_all,
    read_tables,
)
from quickdata_node.manifest import FORMAT, BadManifest, Table
from quickdata_node.manifest import read_tables as check_tables
from quickdata_node.run import Failed, now
from quickdata_node.server import Server, ServerFailed
from quickdata_node.session import END, Session
from quickdata_node.store import Store

HOLD = EVERY_TABLE + (Path(__file__).with_name("hold.sql")).read_text(encoding="utf-8")
FOLDER = "points/"
NAME = re.compile(r"quickdata_[0-9]{8}T[0-9]{6}Z_[0-9a-f]{8}")
LSN = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")
FILE_FORMAT = 1
IMPATIENT, PATIENT = ("set local lock_timeout = '2s';\n", "set local lock_timeout = '10min';\n")
"""How long the second session waits for a lock: while the first one keeps writers out, and afterwards."""
TRIES, PAUSE = 10, 1.0
"""How often a point is tried, and the seconds between two tries."""
ROWS_ARE_SAFE = "the backup stands; run physical-backup.sh again when fewer sessions hold locks"


class BadPoint(Exception):  # noqa: N818 - callers say which one
    """A point's file cannot be used. The message completes the sentence "the point NAME …"."""


@dataclass(frozen=True)
class Point:
    """A moment that a recovery can go to, and the rows that it must bring back.

    Args:
        name: name of the restore point, which no other point has.
        database: the database that was counted.
        lsn: the restore point's place in the WAL.
        timeline: the timeline of that WAL.
        time: the moment, in UTC.
        version: PostgreSQL's version.
        system_id: the cluster's system identifier.
        tables: the tables' fingerprints, without unlogged tables.
    """

    name: str
    database: str
    lsn: str
    timeline: int
    time: datetime
    version: str
    system_id: int
    tables: list[Table]

    def text(self) -> str:
        """Return the point as the text of the file in the bucket."""
        facts = {**asdict(self), "time": self.time.isoformat(timespec="microseconds")}
        return json.dumps({"format": FILE_FORMAT, **facts}, ensure_ascii=False)


# --- in the bucket ---


def folder(database: str) -> str:
    """Return the prefix of a database's points. The keys in the database's container reach nothing there."""
    return f"{names.folder(database)}{FOLDER}"


def write(store: Store, point: Point) -> None:
    """Write a point, which must not exist yet.

    Raises:
        StoreFailed: S3 refused the point.
    """
    store.write(f"{folder(point.database)}{point.name}.json", point.text().encode(), once=True)


def read(store: Store, database: str, name: str) -> Point:
    """Return a point.

    Raises:
        StoreFailed: the point cannot be downloaded.
        BadPoint: its file is not valid.
    """
    return read_point(store.read(f"{folder(database)}{name}.json"), database, name)


def note_verified(store: Store, point: Point, said: dict[str, Any]) -> None:
    """Note beside a point that a recovery to it was compared.

    Args:
        store: the bucket.
        point: the point.
        said: the figures of the comparison.

    Raises:
        StoreFailed: S3 refused the note.
    """
    note = {"point": point.name, "verified_at": now(), "by": f"drill on {socket.gethostname()}", **said}
    store.write(f"{folder(point.database)}{point.name}.verified.json", json.dumps(note).encode())


def list_points(store: Store, database: str) -> list[str]:
    """Return the names of a database's points, oldest first.

    Raises:
        StoreFailed: the bucket cannot be listed.
    """
    files = (key.rest.removesuffix(".json") for key in store.list_keys(folder(database)))
    return sorted(name for name in files if NAME.fullmatch(name))


def remove(store: Store, database: str, name: str) -> None:
    """Remove a point; the bucket keeps its versions."""
    store.remove(f"{folder(database)}{name}.json")


def time_of(name: str) -> datetime:
    """Return the time in a point's name, to the second."""
    return datetime.strptime(name.split("_")[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def read_point(text: bytes, database: str, name: str) -> Point:
    """Return the point in a text. The text is hostile until checked.

    Raises:
        BadPoint: the text is not this point.
    """
    try:
        document = json.loads(text)
        if (document["format"], document["database"], document["name"]) != (FILE_FORMAT, database, name):
            raise BadPoint("belongs to another database or point, or has another format")
        return Point(**_facts(document), tables=check_tables(document["tables"]))
    except BadManifest as error:
        raise BadPoint(error.why) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadPoint("cannot be understood") from error


def _facts(document: dict[str, Any]) -> dict[str, Any]:
    lsn, timeline, system_id = document["lsn"], document["timeline"], document["system_id"]
    when = datetime.fromisoformat(document["time"])
    if not (LSN.fullmatch(lsn) and type(timeline) is int and type(system_id) is int and when.tzinfo):
        raise BadPoint("has values that are not valid")
    known = {key: document[key] for key in ("name", "database", "version")}
    return {**known, "lsn": lsn, "timeline": timeline, "system_id": system_id, "time": when}


# --- made ---


def make(server: Server, database: str) -> Point:
    """Create a restore point, and count the rows that the database has there.

    Raises:
        Failed: other sessions held locks at every try, or the rows cannot be counted.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return _try(server, database, _new_name())
        except ServerFailed as error:
            server.run.log(f"no proof point at try {attempt} of {TRIES}: {error}")
            time.sleep(PAUSE)
    raise Failed(f"no proof point of {database} could be made", ROWS_ARE_SAFE)


def _new_name() -> str:
    return f"quickdata_{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{secrets.token_hex(4)}"


def _try(server: Server, database: str, name: str) -> Point:
    with ExitStack() as ends:  # a failed try must not keep its locks until the run ends
        holding = Session(server, database, "-v", f"point={name}")
        ends.callback(holding.abandon)
        holding.ask(HOLD + END)
        facts = _held(holding)
        counting = Session(server, database)
        ends.callback(counting.abandon)
        snapshot = f"set transaction snapshot '{facts.pop('snapshot')}';\n"
        counting.ask(BEGIN + snapshot + IMPATIENT + LOCKED[FORMAT] + END)
        counting.answer()
        holding.end()
        counting.ask(PATIENT + count_all(LOGGED) + END)
        tables = read_tables(counting.answer())
        counting.end()
    _require_locked(facts.pop("locked"), tables)
    return Point(name, database, tables=tables, **facts)


def _held(holding: Session) -> dict[str, Any]:
    facts = json.loads(holding.answer())
    return {**facts, "time": datetime.fromisoformat(facts["time"]), "system_id": int(facts["system_id"])}


def _require_locked(locked: list[list[str]], tables: list[Table]) -> None:
    """Make sure that every table was locked before the restore point was created."""
    counted = {(table.schema, table.name) for table in tables if table.kind != "large objects"}
    if counted ^ set(map(tuple, locked)):
        raise ServerFailed("tables were created or dropped meanwhile")
