"""Loads a dump into a database: first its rows, and after their comparison the objects built on them.

pg_restore reads the dump twice: all of it for the rows, then its beginning, which holds the definitions. It
reads no further when it knows them. So little is read twice, however large the dump is, and no part of the
dump is stored on a disk.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from subprocess import PIPE, Popen
from typing import NamedTuple

from quickdata_node.background import in_background
from quickdata_node.parameters import Parameters
from quickdata_node.server import Server, ServerFailed
from quickdata_node.sinks import Enough
from quickdata_node.statements import WHOLE, Statement, run_each, shown

ROWS = ("--section=pre-data", "--section=data", "--exit-on-error")
BUILT = ("--section=post-data",)
ASYNCHRONOUS = {"synchronous_commit": "off"}
"""No data can be lost: the swap's commit is synchronous, and flushes everything before it."""
SAID = re.compile("^pg_restore: ", re.MULTILINE)
FAILED = re.compile(r"error: could not execute query: (ERROR: .*)(?:\n.*)*?\nCommand was: ((?:.*\n)*)")
IGNORED = re.compile(r"warning: errors ignored on restore: (\d+)")
STATISTICS = "SELECT * FROM pg_catalog.pg_restore_"
"""Restores the planner's statistics of an index. Without the index it fails, which does no harm: ANALYZE
makes new statistics."""
END = ";\n"
WIDTH = 100
NAME = r"""(?:"(?:[^"]|"")+"|[^\s".]+)"""
FOREIGN_KEY = re.compile(
    rf"(ALTER TABLE (?:ONLY )?{NAME}\.{NAME})\s+ADD (CONSTRAINT {NAME}) FOREIGN KEY .*;\n", re.DOTALL
)
"""A foreign key, as pg_dump writes it."""


class Failure(NamedTuple):
    """An object that could not be built.

    Args:
        what: beginning of the statement that failed.
        why: the server's error.
        command: statement that builds the object, after its rows are fixed.
    """

    what: str
    why: str
    command: str


def start(
    server: Server, scratch: str, sections: Sequence[str], more: Parameters, stderr: int | None = None
) -> Popen[bytes]:
    """Start pg_restore.

    It leaves out subscriptions: PostgreSQL drops no database that has one, and after the swap it would
    receive another database's changes.
    """
    name = scratch.replace("\\", "\\\\").replace("'", "\\'")
    options = (
        "--no-password",
        "--no-tablespaces",
        "--no-subscriptions",
        *sections,
        f"--dbname=dbname='{name}'",
    )
    more = {**ASYNCHRONOUS, **more}
    return server.start("pg_restore", *options, more=more, stdin=PIPE, stderr=stderr)


class Builder:
    """A sink for a dump: pg_restore, which builds all objects that it can, and reports the others.

    Args:
        server: the server.
        scratch: the scratch database, which has its rows.
        more: the parameters of the dump.

    Attributes:
        failures: the objects that could not be built; set by `close`.
    """

    def __init__(self, server: Server, scratch: str, more: Parameters) -> None:
        self._start = partial(start, server, scratch, BUILT, more, PIPE)
        self.failures: list[Failure] = []

    def open(self) -> "Builder":
        """Start pg_restore."""
        self._child = self._start()
        self._said = in_background(listen, self._child)
        return self

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        assert self._child.stdin
        try:
            return self._child.stdin.write(data)
        except BrokenPipeError:
            raise Enough from None

    def close(self) -> None:
        """Wait until pg_restore ends, and read its errors."""
        assert self._child.stdin
        with suppress(BrokenPipeError):
            self._child.stdin.close()
        code, said = self._child.wait(), self._said.result()
        found, ignored = list(read_failures(said)), IGNORED.search(said)
        if code and not (ignored and int(ignored[1]) == len(found)):
            raise ServerFailed(f"exit code {code}")  # more went wrong than single objects
        self.failures = [each for each in found if not each.what.startswith(STATISTICS)]


def listen(child: Popen[bytes]) -> str:
    """Return a program's standard error, and copy it into the log."""
    assert child.stderr
    lines = []
    for line in child.stderr:
        lines.append(line)
        with suppress(OSError):
            os.write(2, line)
    return b"".join(lines).decode(errors="replace")


def read_failures(said: str) -> Iterator[Failure]:
    """Yield the objects that the server refused, from pg_restore's errors."""
    for failed in filter(None, map(FAILED.match, SAID.split(said))):
        why, command = failed[1], failed[2].strip()
        yield Failure(shown(" ".join(command.split()), WIDTH).rstrip(";"), shown(why), f"{command}\n")


def build_unchecked(
    server: Server, scratch: str, failures: Sequence[Failure]
) -> tuple[list[Failure], list[Failure]]:
    """Build the foreign keys that rows violate as NOT VALID: they hold for new rows only.

    Returns:
        The foreign keys that are built, with the command that validates each, and all other failures.

    Raises:
        ServerFailed: the statements could not be run.
    """
    keys = {place: key for place, each in enumerate(failures) if (key := _foreign_key(each.command))}
    unchecked = (f"{key[0].removesuffix(END)} NOT VALID{END}" for key in keys.values())
    refused = run_each(server, scratch, [Statement(sql, sql) for sql in unchecked])
    built = {place: key for number, (place, key) in enumerate(keys.items()) if number not in refused}
    missing = [each for place, each in enumerate(failures) if place not in built]
    validated = ((failures[place], f"{key[1]} VALIDATE {key[2]}{END}") for place, key in built.items())
    return [each._replace(command=command) for each, command in validated], missing


def _foreign_key(command: str) -> re.Match[str] | None:
    return FOREIGN_KEY.fullmatch(command) if WHOLE.fullmatch(command) else None
