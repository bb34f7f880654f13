"""Copies one database out of a recovered server into a scratch database of the live one, and compares both.

The recovered server is a throwaway beside the live one. pg_dump reads the database there, and pg_restore
writes it here: rows first, then the objects built on them, as in a restore of a backup. The live database is
not touched; `ready.py` swaps the scratch database in.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from subprocess import PIPE, Popen
from typing import Any

from quickdata_node import databases, definitions, globals_data, load, outcome, roles
from quickdata_node.compare import SHOWN, differences, differences_of_definitions
from quickdata_node.fingerprints import count
from quickdata_node.globals_data import Globals
from quickdata_node.manifest import FORMAT, Table
from quickdata_node.physical.choice import MOST_WAL
from quickdata_node.physical.places import Volume
from quickdata_node.physical.ready import NUMBER, Ready, ask, find_live, note
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed
from quickdata_node.sinks import Enough, Kept, Program, Sink
from quickdata_node.statements import Statement, run_each, shown
from quickdata_node.streams import BLOCK

DUMP = ("pg_dump", "--no-password", "--format=custom", "--compress=0", "--statistics")
FACTS = """select pg_database_size(oid), datistemplate from pg_database
where datname = :'database' and datallowconn;
"""
NAMES = "select format('%I', datname) from pg_database where datallowconn order by 1;\n"
ABOVE = "the lines above say why"
UNTOUCHED = "the live database was not touched"


@dataclass
class Copy:
    """A copy in progress.

    Args:
        recovered: the server to copy from.
        live: the server to copy to.
        ready: names of the database and of its scratch database.
        volume: the volume of both.
        undo: removals that the end of the run makes, unless the copy is complete.
        globals: names and statements that the copy needs beside the dump.
        refused: settings, grants and attributes that the live server refused.
    """

    recovered: Server
    live: Server
    ready: Ready
    volume: Volume
    undo: ExitStack
    globals: Globals = field(init=False)
    refused: list[str] = field(default_factory=list)


def room_for(size: int) -> int:
    """Return the bytes that the copy of a database needs: its own, and those of the WAL that it writes."""
    return size + min(size, MOST_WAL)


def prepare(recovered: Server, ready: Ready, volume: Volume) -> dict[str, Any]:
    """Copy a database from the recovered server into a scratch database of the live one, and compare both.

    Args:
        recovered: the recovered server.
        ready: the name of the database, and the recovery's id.
        volume: the volume, on which the live database must keep some room.

    Returns:
        The figures for the JSON line.

    Raises:
        Failed: the database did not exist at that moment, or the copy failed or differs.
    """
    run, config = recovered.run, recovered.config
    size, is_template = _require_there(recovered, ready.database)
    live = find_live(run, config, ready.database)
    databases.require_free(live, ready.scratch, ready.kept)
    volume.require_room(
        room_for(size)
    )  # the database may have been dropped since: only now its size is known
    copy = Copy(recovered, live, ready, volume, run.cleaning.enter_context(ExitStack()))
    ready.write(config)
    copy.undo.callback(note(config).unlink, missing_ok=True)
    create_roles(copy)
    copy_rows(copy)
    tables = compare_rows(copy)
    build(copy)
    compare_definitions(copy)
    set_up(copy, copy.globals.later)
    replace(ready, number=int(ask(live, NUMBER, ready.scratch)), is_template=is_template).write(config)
    copy.undo.pop_all()
    run.log(f"{ready.database} of that moment is compared, and ready to go live")
    rows = sum(each.rows or 0 for each in tables if each.kind == "table")
    number = sum(each.kind != "large objects" for each in tables)
    return {"tables": number, "rows": rows, "refused": copy.refused}


def _require_there(recovered: Server, database: str) -> tuple[int, bool]:
    found = ask(recovered, FACTS, database)
    if not found:
        there = ", ".join(map(shown, ask(recovered, NAMES, database).split("\n")))
        what = f"there was no database {shown(database)} at that moment"
        raise Failed(what, f"there were {there}; {UNTOUCHED}", 2)
    size, _, template = found.partition("|")
    return int(size), template == "t"


def create_roles(copy: Copy) -> None:
    """Read the globals of that moment, and create the roles that the live server lacks."""
    text = Kept()
    try:
        for start in globals_data.programs(copy.recovered, copy.ready.database):
            pour(start(), text, copy.volume)
        copy.globals = globals_data.read(text.content.decode(errors="surrogateescape"))
    except (ServerFailed, ValueError) as error:
        raise Failed("the roles and settings of that moment cannot be read", ABOVE) from error
    made: roles.Made = {}
    copy.undo.callback(roles.drop_roles, copy.live, made)
    note_refused(copy, roles.restore_roles(copy.live, copy.globals, made, verify=False))


def note_refused(copy: Copy, refused: Iterable[str]) -> None:
    """Note the statements that the live server refused, and go on: the rows matter most."""
    for line in refused:
        copy.live.run.log(f"refused: {line}")
        copy.refused.append(line)


def copy_rows(copy: Copy) -> None:
    """Copy the rows into a new scratch database, without the objects that are built on them."""
    live, scratch = copy.live, copy.ready.scratch
    copy.undo.callback(databases.drop_databases, live, scratch)
    try:
        databases.create_scratch(live, scratch, copy.globals)
        set_up(copy, copy.globals.first)
        pour(dump(copy), Program(load.start(live, scratch, load.ROWS, copy.globals.dump)), copy.volume)
    except ServerFailed as error:
        raise Failed(f"{copy.ready.database} cannot be copied", f"{ABOVE}; {UNTOUCHED}") from error


def dump(copy: Copy, *sections: str) -> Popen[bytes]:
    """Start pg_dump on the recovered server, which nobody writes: it needs no snapshot."""
    database, more = copy.ready.database, definitions.ZONE
    return copy.recovered.start(*DUMP, *sections, database=database, more=more, stdout=PIPE)


def compare_rows(copy: Copy) -> list[Table]:
    """Compare the rows with those of the recovered server, and return the tables."""
    try:
        expected = count(copy.recovered, copy.ready.database, FORMAT)
        actual = count(copy.live, copy.ready.scratch, FORMAT)
    except ServerFailed as error:
        raise Failed("the rows cannot be counted", ABOVE) from error
    require_same(copy, "tables", differences(expected, actual))
    return actual


def build(copy: Copy) -> None:
    """Build the objects on the rows: indexes, constraints, triggers, materialized views."""
    builder = load.Builder(copy.live, copy.ready.scratch, copy.globals.dump)
    try:
        pour(dump(copy, *load.BUILT), builder.open(), copy.volume)
    except ServerFailed as error:
        raise Failed(f"the indexes of {copy.ready.database} cannot be built", ABOVE) from error
    if builder.failures:
        what = f"the rows are good, but these statements fail: {outcome.in_words(builder.failures)}"
        raise Failed(what, f"recover without --into, which copies all files; {UNTOUCHED}")


def compare_definitions(copy: Copy) -> None:
    """Compare the definitions of all objects with those of the recovered server."""
    try:
        expected = definitions.ask(copy.recovered, copy.ready.database)
        actual = definitions.ask(copy.live, copy.ready.scratch)
    except ServerFailed as error:
        raise Failed("the definitions cannot be read", ABOVE) from error
    require_same(copy, "objects", differences_of_definitions(expected, actual))


def require_same(copy: Copy, what: str, found: Iterable[str]) -> None:
    """Refuse a copy that differs."""
    lines = list(found)
    for line in lines[:SHOWN]:
        copy.live.run.log(f"different: {line}")
    if lines:
        raise Failed(f"{len(lines)} {what} of {copy.ready.database} differ from that moment's", UNTOUCHED, 4)


def set_up(copy: Copy, statements: Sequence[Statement]) -> None:
    """Give the scratch database its settings, grants and owner. The swap keeps them."""
    live, named = copy.live, ("-v", f"target={copy.ready.scratch}")
    try:
        note_refused(copy, run_each(live, live.maintenance, statements, *named).values())
    except ServerFailed as error:
        raise Failed("the settings and grants of the database cannot be set", ABOVE) from error


def pour(child: Popen[bytes], sink: Sink, volume: Volume) -> None:
    """Send what a program prints into a sink, to the end of both.

    Raises:
        Failed: the volume gets too full for the live database.
        ServerFailed: one of them failed.
    """
    assert child.stdout
    with suppress(BrokenPipeError), child.stdout:  # the sink's own end says why
        while block := child.stdout.read(BLOCK):
            volume.require_reserve()
            with suppress(Enough):
                sink.write(block)
    sink.close()
    if child.wait():
        raise ServerFailed(f"a program on the recovered server ended with exit code {child.returncode}")
