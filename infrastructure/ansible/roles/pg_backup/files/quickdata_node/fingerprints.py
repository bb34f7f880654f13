"""The fingerprints of a database's tables, taken for a backup and after a restore. The proof compares them.

psql prints one JSON line per table, all in one transaction: its name and kind, its rows, its checksum.

- All tables are locked before the first one is counted. Sessions that drop or truncate a table wait, as for
  pg_dump. These locks take no room beyond pg_dump's own. Counting a table also locks its indexes; a savepoint
  releases these locks. Otherwise a server would run out of locks at half the tables that pg_dump can dump.
- Older snapshots see the effect of TRUNCATE and of commands that rewrite a table: the table looks empty, or
  changed. So every table must still have the file that it had when the snapshot was taken.
  https://www.postgresql.org/docs/current/mvcc-caveats.html
- Columns are sorted by name, because a restore may order the columns of inheritance children differently.
  Fields of composite values keep their position, as in the dump, and their order counts. Generated columns
  are not data.
- Objects without data of this database count only by their presence: partitioned parents (their partitions
  count), foreign tables, and materialized views, which a restore computes again.
- Sequences do not count: nextval() ignores snapshots, so their value in the dump may be a later one.
- Tables of extensions belong to CREATE EXTENSION, not to the dump.

The manifest's format says how a checksum is made. Both formats add up one hash a row, so that the order of
rows does not count.

- Format 1 hashes each row as text.
- Format 2 hashes each row as the bytes that a client would get (record_send), which is faster than text.
  Numbers and times are taken as they are; the bytes of a numeric hold its scale. A value that can be long is
  replaced by its own hash, so that a row with big values is never copied; bytea and text are hashed in
  place. All bits of a float count, except those of a NaN: a dump knows one NaN, and PostgreSQL may hold
  several. All other types become text first, as in a dump: they may contain a user's type, whose number
  changes in a restore.
- The types' own hash functions are not used. They give equal values one hash: 1.0 and 1.00, 0 and -0, 1 month
  and 30 days, 'a' and 'A' under some collations. The hash of a row is a weighted sum there, which may not
  change when two values are exchanged.
"""

import json
from pathlib import Path
from typing import NamedTuple

from quickdata_node.definitions import CALLS, read_calls
from quickdata_node.manifest import FORMAT, Table
from quickdata_node.needs import Needs, read_needs
from quickdata_node.server import Server, ServerFailed
from quickdata_node.session import END, Session


def _read(*files: str) -> str:
    return "".join(Path(__file__).with_name(file).read_text(encoding="utf-8") for file in files)


EVERY_TABLE = _read("every_table.sql")
"""SQL that names the tables to count."""
LOCKED = {
    version: _read(f"checksums_{version}.sql") + EVERY_TABLE + _read("counting.sql") for version in (1, 2)
}
"""SQL by the manifest's format: how checksums are made, and then the locks on all tables."""
TABLES, LARGE_OBJECTS = _read("tables.sql"), _read("large_objects.sql")
NEEDS = _read("needs.sql")
FIND_BIG = """select coalesce(array_agg(c.oid), '{}') as big from :tables
  and coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) > 1048576 \\gset
"""
BIG = "oid = any(:''big''::oid[])"
"""Tables that may hold big values: they have more than a megabyte of TOAST. pg_dump needs several times the
size of a value, so these tables are counted after it has ended. They are chosen once, because TOAST grows and
shrinks meanwhile, whatever the snapshot."""
ALL, LOGGED = "true", "c.relpersistence <> ''u''"
"""Conditions: all tables, and those that are in the WAL. Unlogged tables come back empty from a recovery."""
BEGIN = "begin isolation level repeatable read, read only;\nset local lock_timeout = '10min';\n"
EXPORT = (
    "select pg_export_snapshot(), current_setting('server_version'), pg_database_size(oid), datistemplate"
    " from pg_database where datname = current_database();\n"
)
PARALLEL = """set local min_parallel_table_scan_size = 0;
set local parallel_setup_cost = 0;
set local parallel_tuple_cost = 0;
"""
"""Tables with big values are counted by all parallel workers that the server gives to one query, although the
tables look small without their TOAST. For other tables the server decides: for many small tables, starting
workers takes longer than counting."""


class Snapshot(NamedTuple):
    """A snapshot that other sessions can use as long as the session that exported it lives.

    Args:
        name: the snapshot's name for other sessions.
        server_version: PostgreSQL's version.
        database_bytes: bytes of the database on the server's disk.
        is_template: whether the database is a template.
        needs: the database's needs of a server.
    """

    name: str
    server_version: str
    database_bytes: int
    is_template: bool
    needs: Needs


class Counting:
    """A session that exports a snapshot, and counts in it while pg_dump reads it.

    Args:
        server: the server.
        database: the database to count.

    Attributes:
        snapshot: the snapshot for pg_dump.
        calls: the checksums of the objects' calls. They are read early, because PostgreSQL gives the current
            names and ignores the snapshot.

    Raises:
        ServerFailed: there is no snapshot.
    """

    def __init__(self, server: Server, database: str) -> None:
        self._session = Session(server, database)
        small = FIND_BIG + select(f"not c.{BIG}")
        self._session.ask(BEGIN + EXPORT + NEEDS + CALLS + END + LOCKED[FORMAT] + small + LARGE_OBJECTS + END)
        name, *facts = self._session.line().split("\t")
        if len(facts) != 3:  # noqa: PLR2004 - version, size, template
            raise ServerFailed("no snapshot was exported")
        self.snapshot = Snapshot(name, facts[0], int(facts[1]), facts[2] == "t", self._needs())
        self.calls = read_calls(self._session.answer())

    def small_tables(self) -> list[Table]:
        """Return the fingerprints of the tables that are counted while pg_dump runs.

        Raises:
            ServerFailed: not all tables could be counted.
        """
        return self._tables()

    def big_tables(self) -> list[Table]:
        """Count the tables that may hold big values, after pg_dump has ended.

        Raises:
            ServerFailed: not all tables could be counted.
        """
        self._session.ask(PARALLEL + select(f"c.{BIG}") + END)
        return self._tables()

    def end(self) -> None:
        """End the session, and the snapshot with it.

        Raises:
            ServerFailed: psql ended with an error.
        """
        self._session.end()

    def _needs(self) -> Needs:
        try:
            return read_needs(json.loads(self._session.line()))
        except ValueError as error:
            raise ServerFailed("what the database needs cannot be read") from error

    def _tables(self) -> list[Table]:
        return read_tables(self._session.answer())


def select(which: str) -> str:
    """Return the SQL that counts the tables for which a condition is true.

    Args:
        which: the condition, in SQL, quoted for psql's \\set.
    """
    return f"\\set counted '{which}'\n{TABLES}"


def count(server: Server, database: str, version: int, which: str = ALL) -> list[Table]:
    """Return the current fingerprints of a database's tables.

    Args:
        server: the server.
        database: the database to count.
        version: format of the manifest to compare with.
        which: the condition for the tables, in SQL, quoted for psql's \\set.

    Raises:
        ServerFailed: the tables could not be counted.
    """
    printed = server.sql(database, BEGIN + LOCKED[version] + count_all(which) + END)
    if not printed.endswith("end\n"):
        raise ServerFailed("psql did not count all")
    return read_tables(printed.removesuffix("end\n"))


def count_all(which: str) -> str:
    """Return the SQL that counts large objects, and the tables for which a condition is true."""
    small, big = select(f"{which} and not c.{BIG}"), select(f"{which} and c.{BIG}")
    return FIND_BIG + small + PARALLEL + big + LARGE_OBJECTS


def read_tables(lines: str) -> list[Table]:
    """Return the fingerprints from psql's output. Only "\\n" ends a line: a name may hold other line ends."""
    return [Table(**json.loads(line)) for line in lines.split("\n") if line]
