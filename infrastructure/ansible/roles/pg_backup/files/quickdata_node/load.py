"""A dump on its way into a database: its rows, and what is built on them once they have been compared.

pg_restore reads the dump twice. All of it for the rows; then its beginning, where the definitions lie:
pg_restore asks for no more once it knows them. So what is read twice is small, however large the dump is, and
no part of it lies on a disk.
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
"""This loses nothing here: the swap's own commit is synchronous, and flushes all before it."""
SAID = re.compile("^pg_restore: ", re.MULTILINE)
FAILED = re.compile(r"error: could not execute query: (ERROR: .*)(?:\n.*)*?\nCommand was: ((?:.*\n)*)")
IGNORED = re.compile(r"warning: errors ignored on restore: (\d+)")
STATISTICS = "SELECT * FROM pg_catalog.pg_restore_"
"""What the planner knows of an index: without the index it has no place, and in time it knows it again."""
END = ";\n"
WIDTH = 100
NAME = r"""(?:"(?:[^"]|"")+"|[^\s".]+)"""
FOREIGN_KEY = re.compile(
    rf"(ALTER TABLE (?:ONLY )?{NAME}\.{NAME})\s+ADD (CONSTRAINT {NAME}) FOREIGN KEY .*;\n", re.DOTALL
)
"""As pg_dump writes it."""


class Failure(NamedTuple):
    """An object that could not be built.

    Args:
        what: the beginning of what the server was asked.
        why: what the server said.
        command: what builds it, once its rows are fixed.
    """

    what: str
    why: str
    command: str


def start(
    server: Server, scratch: str, sections: Sequence[str], more: Parameters, stderr: int | None = None
) -> Popen[bytes]:
    """Start pg_restore.

    A subscription would keep the scratch database from being dropped, and take another one's changes after
    the swap.
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
    """A sink for a dump: pg_restore, which builds what it can, and says what it cannot.

    Args:
        server: where.
        scratch: the database, which has its rows.
        more: the parameters of the dump.

    Attributes:
        failures: what could not be built, once all is done.
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
        """Wait for its end, and read what it has said."""
        assert self._child.stdin
        with suppress(BrokenPipeError):
            self._child.stdin.close()
        code, said = self._child.wait(), self._said.result()
        found, ignored = list(read_failures(said)), IGNORED.search(said)
        if code and not (ignored and int(ignored[1]) == len(found)):
            raise ServerFailed(f"exit code {code}")  # more went wrong than single objects
        self.failures = [each for each in found if not each.what.startswith(STATISTICS)]


def listen(child: Popen[bytes]) -> str:
    """Return what a program says, which goes into the log all the same."""
    assert child.stderr
    lines = []
    for line in child.stderr:
        lines.append(line)
        with suppress(OSError):
            os.write(2, line)
    return b"".join(lines).decode(errors="replace")


def read_failures(said: str) -> Iterator[Failure]:
    """Yield what the server refused, as pg_restore has said it."""
    for failed in filter(None, map(FAILED.match, SAID.split(said))):
        why, command = failed[1], failed[2].strip()
        yield Failure(shown(" ".join(command.split()), WIDTH).rstrip(";"), shown(why), f"{command}\n")


def build_unchecked(
    server: Server, scratch: str, failures: Sequence[Failure]
) -> tuple[list[Failure], list[Failure]]:
    """Build foreign keys that rows violate, so that they hold for new rows.

    Returns:
        Those that are built, with the command that validates them, and all other failures.

    Raises:
        ServerFailed: that could not be tried.
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
