"""Takes one backup of one database into S3, then removes the backups that no rule keeps.

A backup exists when its manifest exists, and the manifest is written last.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from quickdata_node import attachments, definitions, globals_data, locks, names
from quickdata_node.config import Config, load
from quickdata_node.fingerprints import Counting, Snapshot
from quickdata_node.manifest import BadManifest, Manifest, StoredObject, Table, read_manifest
from quickdata_node.options import parse
from quickdata_node.retention import choose_expired, prune
from quickdata_node.run import Failed, Run, now
from quickdata_node.server import Server, ServerFailed, find_server
from quickdata_node.store import Store, StoreFailed
from quickdata_node.streams import Child, Content, Feed

USAGE = """\
Usage: backup-pg.sh --config FILE

Writes one JSON line about the backup to standard output, the log to standard error.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments.
"""
AGAIN = "the lines above say why; then run it again"
LARGE = "copy the server's files instead, as pgBackRest does"
LISTING = "check BACKUP_BUCKET, AWS_REGION and the role of this machine"
OLDEST = 18
"""The oldest major version of PostgreSQL that can be backed up."""
AHEAD = timedelta(minutes=1)
Counted = TypeVar("Counted")


@dataclass(frozen=True)
class Backup:
    """The facts of the backup that are known at its start.

    Args:
        database: name of the database.
        name: name of the backup.
        started_at: time of the start, in UTC.
        keys: keys in the database's folder of the bucket at that time.
        attachments_bytes: bytes of NocoDB's uploads; None when there is no folder for them.
    """

    database: str
    name: str
    started_at: str
    keys: list[str]
    attachments_bytes: int | None

    @property
    def id(self) -> str:
        """The id: the random end of the name."""
        return names.id_of(self.name)

    @property
    def prefix(self) -> str:
        """The beginning of the keys of this backup's objects."""
        return f"{names.folder(self.database)}{self.name}"


def main(run: Run, arguments: Sequence[str]) -> None:
    """Take one backup."""
    config = load(run, Path(parse(arguments, USAGE).config))
    run.take_lock(config.lock_file, config.state_dir)
    size = attachments.measure(config.attachments) if config.attachments else None
    server, store = find_server(run, config), Store(config.bucket)
    check_version(server)
    backup = name_backup(run, config, store, size)
    manifest = upload(server, store, backup)
    publish(run, store, manifest, backup.prefix)
    remove_expired(run, config, store, backup)


def check_version(server: Server) -> None:
    """Refuse a server whose catalogue lacks columns that a backup reads."""
    if server.version < OLDEST * 10000:
        what = f"the server is PostgreSQL {server.version // 10000}, a backup needs {OLDEST} or newer"
        raise Failed(what, "upgrade it")


def name_backup(run: Run, config: Config, store: Store, size: int | None) -> Backup:
    """Read the existing backups, and name the new one so that it sorts as the newest."""
    root = names.folder(config.database)
    where, time = f"s3://{config.bucket}/{root}", datetime.now(UTC).replace(microsecond=0)
    try:
        keys = [key.rest for key in store.list_keys(root)]
    except StoreFailed as error:
        raise Failed(f"s3://{config.bucket} cannot be listed", LISTING) from error
    newest = (names.with_file(keys) or [""])[-1]
    name = names.next_name(newest, time, where)
    if names.time_of(name) > time + AHEAD:
        run.log("warning: the time of the newest backup is in the future; is the clock right?")
    run.log(f"backup {name} of {config.database} to {where}{name}")
    return Backup(config.database, name, f"{time:%Y-%m-%dT%H:%M:%SZ}", keys, size)


def upload(server: Server, store: Store, backup: Backup) -> Manifest:
    """Dump, count and upload, all from one snapshot.

    One session exports the snapshot that pg_dump reads, and counts rows in it while pg_dump runs. Tables that
    may hold big values are counted after pg_dump, so that the memory of both does not add up. The output of
    the programs is uploaded in parts meanwhile. No upload is completed before all programs and the session
    have ended well. When pg_dump dies, its output is thrown away, and the bucket holds nothing new.
    """
    counting = open_snapshot(server)
    feeds = start_feeds(server, store, backup, counting.snapshot)
    tables = wait_for_counts(server, counting.small_tables)
    for feed in feeds:
        feed.wait()
    tables += wait_for_counts(server, counting.big_tables)
    defined = feeds[0].said | counting.calls
    close_snapshot(counting)
    for feed in feeds:
        feed.complete()
    return describe(server, backup, counting.snapshot, feeds, tables, defined)


def open_snapshot(server: Server) -> Counting:
    """Open the session that exports the snapshot and counts."""
    database = server.config.database
    try:
        return Counting(server, database)
    except ServerFailed as error:
        fix = "check DATABASE, PGUSER and that the server runs"
        raise Failed(f"PostgreSQL gave no snapshot of {database}", fix) from error


def start_feeds(server: Server, store: Store, backup: Backup, snapshot: Snapshot) -> list[Feed]:
    """Start the programs that write the objects, each into its own upload. The cleanup aborts all uploads."""
    contents = list_contents(server, backup, snapshot)
    try:
        uploads = [store.upload(f"{backup.prefix}/{each.file}", each.expected) for each in contents]
    except StoreFailed as error:
        raise Failed("the backup would be too large for S3, nothing was dumped", LARGE) from error
    for upload in uploads:
        server.run.cleaning.callback(upload.abort)
    return [Feed(content, upload) for content, upload in zip(contents, uploads, strict=True)]


def list_contents(server: Server, backup: Backup, snapshot: Snapshot) -> list[Content]:
    """Return the objects of a backup, each with the programs that write it."""
    size, live = snapshot.database_bytes, server.config.attachments
    found = [
        Content(
            "dump",
            "dump.zst",
            [lambda: dump(server, snapshot)],
            size,
            witness=lambda: definitions.read_again(server),
        ),
        Content("globals", globals_data.FILE, globals_data.programs(server, backup.database), size),
    ]
    if live:
        found.append(
            Content(
                "attachments",
                "attachments.tar.zst",
                [lambda: attachments.pack(server.run, live)],
                backup.attachments_bytes or 0,
                attachments.TOLERATED,
                lambda: attachments.read_again(server.run),
            )
        )
    return found


def dump(server: Server, snapshot: Snapshot) -> Child:
    """Start pg_dump on the snapshot that the session counts in."""
    options = ("--no-password", "--format=custom", "--compress=0", f"--snapshot={snapshot.name}")
    more, database = ("--lock-wait-timeout=10min", "--statistics"), server.config.database
    pipe = subprocess.PIPE
    return server.start("pg_dump", *options, *more, database=database, more=definitions.ZONE, stdout=pipe)


def wait_for_counts(server: Server, count: Callable[[], Counted]) -> Counted:
    """Return the result of a count."""
    try:
        return count()
    except ServerFailed as error:
        fix = locks.advise(server, server.config.database) or AGAIN
        raise Failed("the rows could not be counted, nothing was published", fix) from error


def close_snapshot(counting: Counting) -> None:
    """End the session that counted: no program reads its snapshot any more."""
    try:
        counting.end()
    except ServerFailed as error:
        what = "the session with the snapshot ended badly, nothing was published"
        raise Failed(what, "run it again") from error


def describe(
    server: Server,
    backup: Backup,
    snapshot: Snapshot,
    feeds: Sequence[Feed],
    tables: list[Table],
    defined: dict[str, str],
) -> Manifest:
    """Return the manifest of the uploaded objects."""
    return Manifest(
        id=backup.id,
        database=backup.database,
        server_version=snapshot.server_version,
        client_version=server.output("pg_dump", "--version").strip(),
        started_at=backup.started_at,
        finished_at=now(),
        database_bytes=snapshot.database_bytes,
        objects=describe_objects(backup, feeds),
        tables=sorted(tables, key=lambda table: (table.kind == "large objects", table.schema, table.name)),
        definitions=defined,
        is_template=snapshot.is_template,
        needs=snapshot.needs,
        keep_daily=server.config.keep_daily,
        keep_weekly=server.config.keep_weekly,
    )


def describe_objects(backup: Backup, feeds: Sequence[Feed]) -> dict[str, StoredObject]:
    """Return the manifest's description of each object."""
    described = {feed.content.what: feed.describe(backup.prefix) for feed in feeds}
    for feed in feeds:
        if isinstance(feed.said, attachments.Files):
            files = feed.said
            described[feed.content.what] = replace(
                described[feed.content.what],
                unpacked=backup.attachments_bytes,
                files=files.number,
                file_bytes=files.bytes,
            )
    return described


def publish(run: Run, store: Store, manifest: Manifest, prefix: str) -> None:
    """Write the manifest: from then on the backup exists."""
    run.hold_signals()  # a backup that exists must not be reported as interrupted; the rest takes seconds
    key, text = f"{prefix}/{names.MANIFEST}", manifest.text().encode()
    try:
        read_manifest(text, manifest.database, manifest.id, prefix)  # as a restore will
        store.write(key, text, once=True)
    except BadManifest as error:
        raise Failed("no restore could read this manifest, the backup does not exist", AGAIN) from error
    except StoreFailed as error:
        if not is_published(store, key, text):
            raise Failed("the manifest was refused, the backup does not exist", AGAIN) from error
        run.log("but the manifest is in the bucket: the backup exists")
    figures = {name: manifest.totals[name] for name in ("bytes", "tables", "rows")}
    said = {"id": manifest.id, "prefix": prefix, **figures, "seconds": run.seconds()}
    run.tell(said)
    name, (stored, tables, rows) = prefix.rpartition("/")[2], figures.values()
    run.log(f"backup {name} is complete")
    run.achieved = f"backup {name} of {manifest.database}: {tables} tables, {rows} rows, {stored} bytes in S3"


def is_published(store: Store, key: str, text: bytes) -> bool:
    """Return whether this run's manifest is in the bucket.

    When S3's answer is lost, the manifest is sent again, and S3 refuses the second one.
    """
    try:
        return store.read(key) == text
    except StoreFailed:
        return False


def remove_expired(run: Run, config: Config, store: Store, backup: Backup) -> None:
    """Remove the backups that no rule keeps."""
    expired = choose_expired(
        backup.keys, backup.name, config.keep_daily, config.keep_weekly, datetime.now(UTC)
    )
    prune(run, store, names.folder(config.database), backup.keys, expired)
