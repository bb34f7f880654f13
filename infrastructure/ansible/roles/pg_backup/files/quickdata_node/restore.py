"""Restores the newest backup, or one by its id, into a scratch database.

First come the rows, which are compared with the manifest; then indexes, constraints and triggers; then the
database's settings. Only then the scratch database becomes the live one, by renames. With --verify the
scratch database is dropped instead, and verified.json is written.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from quickdata_node import attachments, databases, load, outcome, proof, roles, target
from quickdata_node.config import Config
from quickdata_node.config import load as load_config
from quickdata_node.globals_data import Globals
from quickdata_node.globals_data import read as read_globals
from quickdata_node.load import Failure
from quickdata_node.manifest import Manifest
from quickdata_node.old_globals import read as read_old_globals
from quickdata_node.options import Options, parse
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, ServerFailed, find_server
from quickdata_node.sinks import Kept, Program, Sink
from quickdata_node.statements import Statement, run_each
from quickdata_node.store import Store
from quickdata_node.streams import fetch
from quickdata_node.swap import remove_older, swap
from quickdata_node.witness import Witness

USAGE = """\
Usage: restore-pg-latest.sh --config FILE [--id ID] [--verify | --keep-going] [--from-database NAME]

  --id ID               use this backup instead of the newest one
  --verify              restore into a scratch database, compare, drop it; do not touch the live database
  --keep-going          once the rows are proven, restore without the indexes, constraints, triggers and
                        materialized views that cannot be created, and with objects that are defined
                        otherwise; foreign keys that rows violate become NOT VALID
  --from-database NAME  use a backup of another database

Writes one JSON line about the restore to standard output, and the log to standard error. If this server
refuses settings, grants or attributes of roles, the restore goes on: both outputs list them.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments, 3 the server lacks something that the
database needs, 4 the restored data differ from the manifest, 5 restored, with objects missing or defined
otherwise.
"""
ABOVE = "the lines above say why"


@dataclass
class Restore:
    """A restore in progress.

    Args:
        run: this run.
        config: its configuration.
        options: its arguments.
        undo: removals that the end of the run makes, unless the swap has succeeded.
        server: the server to restore into.
        store: the bucket of the backup.
        name: name of the backup.
        manifest: manifest of the backup.
        stand_in: locale that a drill uses if the database's locale is missing; otherwise empty.
        globals: names and statements that the restore needs beside the dump.
        parts: checksums of the dump's parts.
        refused: settings, grants and attributes that this server refused.
        missing: objects that could not be built.
        not_valid: foreign keys that hold for new rows only.
        otherwise: a line for each object that is defined otherwise or missing.
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
    globals: Globals = field(init=False)
    parts: Sequence[bytes] = ()
    refused: list[str] = field(default_factory=list)
    missing: list[Failure] = field(default_factory=list)
    not_valid: list[Failure] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)

    @property
    def scratch(self) -> str:
        """The name of the scratch database."""
        return f"{self.config.database}_restore_{self.manifest.id}"

    @property
    def kept(self) -> str:
        """The name of the formerly live database after the swap."""
        return f"{self.config.database}_before_{self.manifest.id}"


def main(run: Run, arguments: Sequence[str]) -> None:
    """Restore a backup, or verify it."""
    options = parse(arguments, USAGE, ("--id", "--from-database"), ("--verify", "--keep-going"))
    if options.verify and options.keep_going:
        raise Failed("--keep-going and --verify cannot be used together", "give only one of them", 2)
    restore = begin(run, load_config(run, Path(options.config)), options)
    restore_roles(restore)
    restore_rows(restore)
    files = restore_attachments(restore)
    proof.prove_rows(restore.server, restore.scratch, restore.name, restore.manifest)
    build(restore)
    compare_definitions(restore)
    set_up(restore, restore.globals.later)
    said = outcome.summary(restore)
    if options.verify:
        said |= outcome.note_verified(restore)
    else:
        template = restore.manifest.is_template
        swap(restore.server, restore.scratch, restore.kept, files, restore.undo, template)
        remove_older(restore.server, restore.kept, files)
    run.tell({"seconds": run.seconds(), **said})
    run.log(f"backup {restore.name} {said['action']}")
    outcome.require_complete(restore)


def begin(run: Run, config: Config, options: Options) -> Restore:
    """Take the lock, find the server, choose the backup, and check that it can be restored here."""
    run.take_lock(config.lock_file, config.state_dir)
    undo = run.cleaning.enter_context(ExitStack())
    server, store = find_server(run, config), Store(config.bucket)
    source = options.from_database or config.database
    name = target.choose_backup(store, source, options.id)
    run.log(f"backup {name} of {source}, to be {options.action}")
    manifest = target.read(store, source, name)
    target.check_version(server.version, manifest.server_major)
    target.check_needs(server, manifest.needs)
    target.check_target(server, manifest.id, options.verify)
    target.check_room(server, manifest.database_bytes)
    return Restore(run, config, options, undo, server, store, name, manifest)


# --- the parts of a restore ---


def restore_roles(restore: Restore) -> None:
    """Read the globals, and create the missing roles."""
    text, read = Kept(), read_old_globals if restore.manifest.format == 1 else read_globals
    restore_object(restore, "globals", lambda: text)
    try:
        restore.globals = read(text.content.decode(errors="surrogateescape"))
    except ValueError:
        what = f"the globals of {restore.name} cannot be understood"
        raise Failed(what, "restore another backup with --id") from None
    made: roles.Made = {}
    restore.undo.callback(roles.drop_roles, restore.server, made)
    note_refused(restore, roles.restore_roles(restore.server, restore.globals, made, restore.options.verify))


def note_refused(restore: Restore, refused: Iterable[str]) -> None:
    """Note the statements that this server refused, and go on: the rows matter most."""
    for line in refused:
        restore.run.log(f"refused: {line}")
        restore.refused.append(line)


def restore_object(
    restore: Restore, what: str, sink: Callable[[], Sink], seen: Sequence[bytes] = ()
) -> Sequence[bytes]:
    """Send the content of an object of the backup into a sink; return the checksums of its parts."""
    return fetch(restore.store, what, restore.name, restore.manifest.objects[what], sink, seen)


def restore_rows(restore: Restore) -> None:
    """Restore the rows into a scratch database, without the objects that are built on them."""
    server, scratch = restore.server, restore.scratch
    restore.undo.callback(databases.drop_databases, server, scratch)
    try:
        restore.stand_in = databases.create_scratch(server, scratch, restore.globals)
    except ServerFailed as error:
        raise Failed("the scratch database cannot be created", ABOVE) from error
    set_up(restore, restore.globals.first)
    loading = partial(load.start, server, scratch, load.ROWS, restore.globals.dump)
    restore.parts = restore_object(restore, "dump", lambda: Program(loading()))


def build(restore: Restore) -> None:
    """Build the objects on the rows: indexes, constraints, triggers, materialized views.

    With --keep-going, objects that cannot be built are noted, and foreign keys that rows violate are built as
    NOT VALID.
    """
    server, scratch = restore.server, restore.scratch
    builder = load.Builder(server, scratch, restore.globals.dump)
    restore_object(restore, "dump", builder.open, restore.parts)
    failures = builder.failures
    if failures and not restore.options.keep_going:
        what = f"the rows of {restore.name} are good, but these statements fail: {outcome.in_words(failures)}"
        raise Failed(what, "the lines above say why; --keep-going restores without them, as the runbook says")
    try:
        restore.not_valid, restore.missing = load.build_unchecked(server, scratch, failures)
    except ServerFailed as error:
        raise Failed("the foreign keys cannot be built for new rows", ABOVE) from error


def compare_definitions(restore: Restore) -> None:
    """Compare the restored definitions with those of the backup. With --keep-going, differences are noted."""
    restore.otherwise = proof.find_other_definitions(restore.server, restore.scratch, restore.manifest)
    if restore.otherwise and not restore.options.keep_going:
        what = f"{len(restore.otherwise)} objects are not defined as the manifest of {restore.name} says"
        fix = "the rows are good; --keep-going restores with what there is, as the runbook says"
        raise Failed(what, f"{fix}; the live database was not touched", 4)


def set_up(restore: Restore, statements: Sequence[Statement]) -> None:
    """Give the scratch database its settings, grants and owner. The swap keeps them."""
    server = restore.server
    try:
        refused = run_each(server, server.maintenance, statements, "-v", f"target={restore.scratch}")
    except ServerFailed as error:
        raise Failed("the settings and grants of the database cannot be restored", ABOVE) from error
    note_refused(restore, refused.values())


def restore_attachments(restore: Restore) -> attachments.Swap | None:
    """Unpack the attachments beside the live ones. A verification only reads them."""
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
    """Return the content of the attachments' archive."""
    opened: list[Witness[attachments.Files]] = []

    def reader() -> Sink:
        opened.append(attachments.read_again(restore.run))
        return opened[0]

    restore_object(restore, "attachments", reader)
    return opened[0].said


def check_attachments_room(restore: Restore, live: Path) -> None:
    """Check that there is room for the attachments.

    This comes after the restore of the rows, because the database may be on the same file system.
    """
    stored = restore.manifest.objects["attachments"]
    needed = stored.size if stored.unpacked is None else stored.unpacked
    beside = attachments.beside(live, "restore", restore.manifest.id)
    free = target.free_bytes(attachments.show_room(restore.run, beside)) or 0
    if free <= needed:
        what = f"the attachments need {needed} bytes beside the live ones, {free} are free in {live.parent}"
        raise Failed(what, f"make room, for example by removing an old {live}.before_ directory")
