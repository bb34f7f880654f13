"""What is counted of a database, when it is backed up and when it was restored: the proof compares the two.

One JSON line per table, in one transaction: what is there, how many rows, which content.

- All tables are locked before one is counted: who wants to drop or truncate one waits, as for pg_dump. These
  locks take no room that pg_dump's own do not take. To count a table locks its indexes too: a savepoint lets
  them go, or a server would run out of locks at half the tables that pg_dump can dump.
- TRUNCATE and what writes a table anew are seen by older snapshots too, which find it empty, or changed: so
  no table may lie in another file than when the snapshot was taken.
  https://www.postgresql.org/docs/current/mvcc-caveats.html
- Columns go by name, because a restore may order those of inheritance children differently. The fields of
  rows in a column go by position, as in the dump, and their order counts. Generated columns are not data.
- What is not data of this database counts by its presence only: partitioned parents (their partitions count),
  foreign tables, and materialized views, which a restore computes anew.
- Sequences do not count: nextval() ignores snapshots, so their value in the dump may be a later one.
- Tables of extensions belong to CREATE EXTENSION, not to the dump.

How a checksum is made is the manifest's format. Both add up one hash a row: the order of rows does not
count.

- Format 1 hashes each row as text.
- Format 2 hashes each row as the bytes that would go to a client (record_send), which are made faster than
  text. Numbers and times go into them as they are: the bytes of a numeric have its scale. What can be long
  goes into them by its own hash, so that no row with big values is ever copied; bytea and text are hashed
  where they lie. Of a float all bits count but those of a NaN: a dump knows one, and PostgreSQL may hold
  several. All else is text first, as in a dump: whatever may have a user's type in it, whose number is
  another one after a restore.
- Not the types' own hash functions. What is equal has one hash there: 1.0 and 1.00, 0 and -0, 1 month and
  30 days, 'a' and 'A' under some collations. A row's is a weighted sum, which exchanged values leave as it
  is.
"""

import json
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

from quickdata_node.definitions import CALLS, read_calls
from quickdata_node.manifest import FORMAT, Table
from quickdata_node.needs import Needs, read_needs
from quickdata_node.server import PSQL, Server, ServerFailed


def _read(*files: str) -> str:
    return "".join(Path(__file__).with_name(file).read_text(encoding="utf-8") for file in files)


LOCKED = {version: _read(f"checksums_{version}.sql", "counting.sql") for version in (1, 2)}
"""By the manifest's format, which says how checksums are made. All tables are locked then."""
TABLES, LARGE_OBJECTS, END = _read("tables.sql"), _read("large_objects.sql"), "\\echo end\n"
NEEDS = _read("needs.sql")
FIND_BIG = """select coalesce(array_agg(c.oid), '{}') as big from :tables
  and coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) > 1048576 \\gset
"""
BIG = "oid = any(:''big''::oid[])"
"""Tables that may hold big values: what is stored apart is more than a megabyte. pg_dump needs several times
the size of a value, so that these are counted when it has ended. Which they are is decided once: what is
stored apart grows and shrinks meanwhile, whatever the snapshot."""
BEGIN = "begin isolation level repeatable read, read only;\n"
EXPORT = (
    "select pg_export_snapshot(), current_setting('server_version'), pg_database_size(oid), datistemplate"
    " from pg_database where datname = current_database();\n"
)
PARALLEL = """set local min_parallel_table_scan_size = 0;
set local parallel_setup_cost = 0;
set local parallel_tuple_cost = 0;
"""
"""All that the server gives to one query may count where big values are stored apart, though the table itself
looks small. Elsewhere the server decides: to start workers for each of many small tables takes longer than to
count them."""


class Snapshot(NamedTuple):
    """A snapshot that other sessions can use while the one that exported it lives.

    Args:
        name: what they call it.
        server_version: PostgreSQL's.
        database_bytes: what the database takes on the server's disk.
        is_template: whether others may be made after it.
        needs: what it needs of a server.
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
        database: the database that is counted.

    Attributes:
        snapshot: what pg_dump has to read.
        calls: the checksums of what objects call. PostgreSQL names them as they are now: so early.

    Raises:
        ServerFailed: there is no snapshot.
    """

    def __init__(self, server: Server, database: str) -> None:
        self._session = server.start(*PSQL, "-F", "\t", database=database, stdin=PIPE, stdout=PIPE)
        server.run.cleaning.callback(self.abandon)
        small = FIND_BIG + select(f"not c.{BIG}")
        self._ask(BEGIN + EXPORT + NEEDS + CALLS + END + LOCKED[FORMAT] + small + LARGE_OBJECTS + END)
        name, *facts = self._line().split("\t")
        if len(facts) != 3:  # noqa: PLR2004 - version, size, template
            raise ServerFailed("no snapshot was exported")
        self.snapshot = Snapshot(name, facts[0], int(facts[1]), facts[2] == "t", self._needs())
        self.calls = read_calls(self._answer())

    def small_tables(self) -> list[Table]:
        """Return the fingerprints of what is counted beside pg_dump, when that is done.

        Raises:
            ServerFailed: not all could be counted.
        """
        return self._tables()

    def big_tables(self) -> list[Table]:
        """Count the others too, now that pg_dump has ended.

        Raises:
            ServerFailed: not all could be counted.
        """
        self._ask(PARALLEL + select(f"c.{BIG}") + END)
        return self._tables()

    def _needs(self) -> Needs:
        try:
            return read_needs(json.loads(self._line()))
        except ValueError as error:
            raise ServerFailed("what the database needs cannot be read") from error

    def _tables(self) -> list[Table]:
        return read_tables(self._answer())

    def _answer(self) -> str:
        lines = []
        while (line := self._line()) != "end":
            if not line:
                raise ServerFailed("psql ended before all was counted")
            lines.append(line)
        return "\n".join(lines)

    def end(self) -> None:
        """End the session, and the snapshot with it.

        Raises:
            ServerFailed: it ended badly.
        """
        self.abandon()
        if code := self._session.wait():
            raise ServerFailed(f"psql ended with exit code {code}")

    def abandon(self) -> None:
        """Let the session end, whatever it is doing: it waits for nothing more to be asked."""
        assert self._session.stdin
        with suppress(OSError):
            self._session.stdin.close()

    def _ask(self, text: str) -> None:
        assert self._session.stdin
        try:
            self._session.stdin.write(text.encode())
            self._session.stdin.flush()
        except BrokenPipeError as error:
            raise ServerFailed("psql ended at once") from error

    def _line(self) -> str:
        assert self._session.stdout
        return self._session.stdout.readline().decode().rstrip("\n")


def select(which: str) -> str:
    """Return the SQL that counts the tables for which that is true."""
    return f"\\set counted '{which}'\n{TABLES}"


def count(server: Server, database: str, version: int) -> list[Table]:
    """Return the fingerprints of a database's tables, as they are now.

    Args:
        server: the server.
        database: the database that is counted.
        version: the format of the manifest that they are compared with.

    Raises:
        ServerFailed: they could not be counted.
    """
    tables = FIND_BIG + select(f"not c.{BIG}") + PARALLEL + select(f"c.{BIG}")
    printed = server.sql(database, BEGIN + LOCKED[version] + tables + LARGE_OBJECTS + END)
    if not printed.endswith("end\n"):
        raise ServerFailed("psql did not count all")
    return read_tables(printed.removesuffix("end\n"))


def read_tables(lines: str) -> list[Table]:
    """Return the fingerprints in what psql printed. A name may hold any other end of a line than that one."""
    return [Table(**json.loads(line)) for line in lines.split("\n") if line]
