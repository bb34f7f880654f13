"""Restores the newest backup (or one by its id) into a scratch database, compares it with the manifest, and
only then swaps it in by renames. With --verify the scratch database is dropped instead, and verified.json is
written.
"""

import json
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quickdata_node import attachments, databases, names, proof, roles, target
from quickdata_node.config import Config, Options, load, parse
from quickdata_node.manifest import Manifest
from quickdata_node.run import Failed, Run, now
from quickdata_node.server import Server, ServerFailed, find_server
from quickdata_node.store import Store, StoreFailed
from quickdata_node.streams import Kept, Program, Sink, fetch
from quickdata_node.swap import swap
from quickdata_node.witness import Witness

USAGE = """\
Usage: restore-pg-latest.sh --config FILE [--id ID] [--verify] [--from-database NAME]

  --id ID               that backup instead of the newest one
  --verify              restore into a scratch database, compare, drop it; the live one is not touched
  --from-database NAME  a backup of another database

Writes one JSON line about the restore to standard output, the log to standard error.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments, 4 what came back differs from the manifest.
"""
ABOVE = "the lines above say why"


@dataclass
class Restore:
    """A restore that goes on.

    Args:
        run: this run.
        config: its configuration.
        options: its arguments.
        undo: what is removed at the end, unless it was swapped in.
        server: where the database comes back.
        store: where the backup is.
        name: the backup's name.
        manifest: what the backup is.
        stand_in: what a drill sorts by where the database's locale is missing.
    """

    run: Run
    config: Config
    options: Options
    undo: ExitStack
    server: Server
    store: Store
    name: str
    manifest: Manifest
    stand_in: str = ""

    @property
    def scratch(self) -> str:
        """The database that the backup is restored into."""
        return f"{self.config.database}_restore_{self.manifest.id}"

    @property
    def kept(self) -> str:
        """What the live database is called afterwards."""
        return f"{self.config.database}_before_{self.manifest.id}"


def main(run: Run, arguments: Sequence[str]) -> None:
    """Restore a backup, or verify it."""
    options = parse(arguments, USAGE, ("--id", "--from-database"), ("--verify",))
    restore = begin(run, load(run, Path(options.config)), options)
    statements = restore_roles(restore)
    restore_scratch(restore, statements)
    files = restore_attachments(restore)
    compare(restore)
    said = summary(restore)
    if options.verify:
        said |= note_verified(restore)
    else:
        template = restore.manifest.is_template
        swap(restore.server, restore.scratch, restore.kept, files, restore.undo, template)
    os.write(1, f"{json.dumps({'seconds': run.seconds(), **said})}\n".encode())
    run.log(f"backup {restore.name} {said['action']}")


def begin(run: Run, config: Config, options: Options) -> Restore:
    """Take the lock, reach the server, choose the backup, and make sure that it can be restored here."""
    run.take_lock(config.lock_file, config.state_dir)
    undo = run.cleaning.enter_context(ExitStack())
    server, store = find_server(run, config), Store(config.bucket)
    source = options.from_database or config.database
    name = target.choose_backup(store, source, options.id)
    run.log(f"backup {name} of {source}, to be {options.action}")
    manifest = target.read(store, source, name)
    target.check_version(server.version, manifest.server_major)
    target.check_target(server, manifest.id, options.verify)
    target.check_room(server, manifest.database_bytes)
    return Restore(run, config, options, undo, server, store, name, manifest)


# --- what comes back ---


def restore_roles(restore: Restore) -> dict[str, list[str]]:
    """Bring missing roles back; returns the statements about the database itself."""
    text = Kept()
    restore_object(restore, "globals", lambda: text)
    try:
        statements = roles.split(text.content.decode(errors="surrogateescape"))
    except ValueError:
        what = f"the globals of {restore.name} cannot be understood"
        raise Failed(what, "restore another backup with --id") from None
    made: list[str] = []
    restore.undo.callback(roles.drop_roles, restore.server, made)
    roles.restore_roles(restore.server, statements["roles"], made, restore.options.verify)
    return statements


def restore_object(restore: Restore, what: str, sink: Callable[[], Sink]) -> None:
    """Send the content of an object of the backup somewhere."""
    fetch(restore.store, what, restore.name, restore.manifest.objects[what], sink)


def restore_scratch(restore: Restore, statements: dict[str, list[str]]) -> None:
    """Restore the dump into a scratch database.

    Settings, grants and owner belong to the database, not to its name: they come along with the swap.
    """
    server, scratch = restore.server, restore.scratch
    restore.undo.callback(databases.drop_databases, server, scratch)
    try:
        restore.stand_in = databases.create_scratch(server, scratch, "".join(statements["create"]))
    except ServerFailed as error:
        raise Failed("the scratch database cannot be created", ABOVE) from error
    restore_object(restore, "dump", lambda: Program(databases.load_dump(server, scratch)))
    settings = "".join(statements["settings"])
    try:
        server.stored_sql(server.maintenance, settings, "-v", f"target={scratch}", "--single-transaction")
    except ServerFailed as error:
        raise Failed("the settings and grants of the database cannot be restored", ABOVE) from error


def restore_attachments(restore: Restore) -> attachments.Swap | None:
    """Unpack the attachments beside the live ones; to verify, it is enough to read them."""
    run, live = restore.run, restore.config.attachments
    if "attachments" not in restore.manifest.objects:
        return None
    if restore.options.verify:
        proof.prove_files(run, restore.name, restore.manifest, read_attachments(restore))
        return None
    if not live:
        run.log("warning: the backup has attachments, but ATTACHMENTS_DIR is not set: they are not restored")
        return None
    files = attachments.Swap(live, restore.manifest.id)
    restore.undo.callback(files.discard)
    files.prepare()
    check_attachments_room(restore, live)
    restore_object(restore, "attachments", lambda: Program(attachments.unpack_archive(run, files.files)))
    proof.prove_files(run, restore.name, restore.manifest, attachments.count_folder(files.files))
    return files


def read_attachments(restore: Restore) -> attachments.Files:
    """Return what is in the archive of the attachments."""
    opened: list[Witness[attachments.Files]] = []

    def reader() -> Sink:
        opened.append(attachments.read_again(restore.run))
        return opened[0]

    restore_object(restore, "attachments", reader)
    return opened[0].said


def check_attachments_room(restore: Restore, live: Path) -> None:
    """Make sure that there is room for them, now that the database is back, which may be on the same file
    system."""
    stored = restore.manifest.objects["attachments"]
    needed = stored.size if stored.unpacked is None else stored.unpacked
    beside = attachments.beside(live, "restore", restore.manifest.id)
    free = target.free_bytes(attachments.show_room(restore.run, beside)) or 0
    if free <= needed:
        what = f"the attachments need {needed} bytes beside the live ones, {free} are free in {live.parent}"
        raise Failed(what, f"make room, for example by removing an old {live}.before_ directory")


# --- the proof ---


def compare(restore: Restore) -> None:
    """Compare what came back with the manifest."""
    for prove in (proof.prove_rows, proof.prove_definitions):
        prove(restore.server, restore.scratch, restore.name, restore.manifest)


def summary(restore: Restore) -> dict[str, Any]:
    """Return what is said about the restore."""
    totals, verify = restore.manifest.totals, restore.options.verify
    return {
        "id": restore.manifest.id,
        "action": restore.options.action,
        "tables": totals["tables"],
        "rows": totals["rows"],
        "mismatches": 0,
        "kept": restore.kept if not verify and is_there(restore.server, restore.config.database) else None,
    }


def is_there(server: Server, database: str) -> bool:
    """Return whether there is a database of that name."""
    query = "select exists (select from pg_database where datname = :'live')"
    return server.sql(server.maintenance, query, "-v", f"live={database}").strip() == "t"


def note_verified(restore: Restore) -> dict[str, Any]:
    """Drop the scratch database, and note beside the backup that it is verified; returns what a drill
    adds."""
    run, drill = restore.run, restore.config.drill
    if drill:
        run.started = drill.started
    restore.undo.close()
    run.hold_signals()  # what is noted must not be called interrupted
    said: dict[str, Any] = {"seconds": run.seconds()}
    if drill:
        said |= {"rpo_seconds": drill.rpo, "rto_seconds": said["seconds"]}
        said["stand_in_locale"] = restore.stand_in
    write_note(restore, f"{'drill' if drill else run.program} on {socket.gethostname()}", said)
    return said


def write_note(restore: Restore, by: str, said: dict[str, Any]) -> None:
    """Write verified.json, which says what compared the backup, when, and what that took."""
    note = {"id": restore.manifest.id, "verified_at": now(), "by": by, **said}
    root = restore.manifest.objects["dump"].key.rpartition("/")[0]
    try:
        restore.store.write(f"{root}/{names.VERIFIED}", json.dumps(note).encode())
    except StoreFailed as error:
        raise Failed("the backup is good, but verified.json cannot be written", ABOVE) from error
