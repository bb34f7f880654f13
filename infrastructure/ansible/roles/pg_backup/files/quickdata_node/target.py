"""The checks before a restore: which backup to restore, and whether this server can hold it."""

import os
import re
from pathlib import Path

from quickdata_node import attachments, databases, names
from quickdata_node.manifest import BadManifest, Manifest, read_manifest
from quickdata_node.marks import remove_folders
from quickdata_node.needs import NONE, Needs
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed
from quickdata_node.store import Store, StoreFailed

LACKING = Path(__file__).with_name("lacking.sql").read_text(encoding="utf-8")
"""SQL that asks the server for each need. It tries each locale, because no list of locales is complete."""


def check_version(version: int, major: int) -> None:
    """Refuse a backup of a newer server."""
    if version // 10000 < major:
        raise Failed(
            f"the server is older than that of the backup ({major})", f"restore into PostgreSQL {major}"
        )


def check_needs(server: Server, needs: Needs) -> None:
    """Refuse a server that lacks one of the database's needs, before the dump is downloaded."""
    if found := list_lacking(server, needs):
        fix = "install it there, or restore into a server that has it"
        raise Failed(f"the server lacks {', '.join(found)}", fix, 3)


def list_lacking(server: Server, needs: Needs) -> list[str]:
    """Return the needs that a server lacks, in words; an empty list when the server cannot be asked."""
    if needs == NONE:
        return []
    try:
        return server.sql(server.maintenance, LACKING, "-v", f"needs={needs.text()}").splitlines()
    except ServerFailed:
        server.run.log("the server cannot be asked what it lacks; the restore will show it")
        return []


def choose_backup(store: Store, source: str, wanted: str) -> str:
    """Return the name of the newest backup, or of the wanted one.

    Args:
        store: the bucket.
        source: name of the database.
        wanted: name or id of a backup; an empty string for the newest one.
    """
    where = f"s3://{store.bucket}"
    try:
        keys = [key.rest for key in store.list_keys(names.folder(source))]
    except StoreFailed as error:
        fix = "check BACKUP_BUCKET, AWS_REGION and the role of this machine"
        raise Failed(f"{where} cannot be listed", fix) from error
    complete = names.with_file(keys, names.MANIFEST)
    if not complete:
        raise Failed(f"{where} holds no backup of {source}", "take one with backup-pg.sh first")
    matching = [name for name in complete if wanted in ("", name, names.id_of(name))]
    if not matching:
        raise Failed(f"{where} holds no backup {wanted} of {source}", f"the newest one is {complete[-1]}")
    return matching[-1]


def read(store: Store, source: str, name: str) -> Manifest:
    """Return the manifest of a backup."""
    prefix = f"{names.folder(source)}{name}"
    try:
        text = store.read(f"{prefix}/{names.MANIFEST}")
        return read_manifest(text, source, names.id_of(name), prefix)
    except StoreFailed as error:
        fix = "check the network and the role of this machine"
        raise Failed(f"the manifest of {name} cannot be downloaded", fix) from error
    except BadManifest as error:
        raise Failed(f"the manifest of {name} {error.why}", error.fix) from None


def check_target(server: Server, backup_id: str, verify: bool) -> None:
    """Remove the scratch databases and folders of killed runs, and check that the needed names are free.

    This run holds the lock. So a marked scratch database belongs to a killed run, and its content is still in
    the bucket.
    """
    database, live = server.config.database, None if verify else server.config.attachments
    databases.drop_databases(server, f"{database}_restore_", databases.ID)
    if live:
        attachments.require_nothing_aside(live)
        remove_folders(attachments.find_marked(live, "restore"), server.run.log)
    kept = [] if verify else [f"{database}_before_{backup_id}"]
    databases.require_free(server, f"{database}_restore_{backup_id}", *kept)
    if not verify:
        databases.require_no_prepared(server, database, *kept)
    if live:
        attachments.require_free_names(live, backup_id)


def check_room(server: Server, needed: int) -> None:
    """Check that the server has room for the database, if its free space can be read from here."""
    directory = server.sql(server.maintenance, "show data_directory").strip()
    host = os.environ.get("PGHOST") or "/"
    here = re.match(r"/|127\.|localhost$|::1$", host) and Path(directory).is_dir()
    free = free_bytes(server.output("df", "-Pk", directory)) if server.prefix or here else None
    if free is None:
        server.run.log("the server's free space cannot be read from here, and is not checked")
    elif free <= needed:
        what = f"the restore needs {needed} bytes beside the live database, {free} are free in {directory}"
        raise Failed(
            what, f"make room, for example by dropping an old {server.config.database}_before_ database"
        )


def free_bytes(table: str) -> int | None:
    """Return the free bytes from the output of `df -Pk`; None when it has no line for a file system."""
    lines = table.splitlines()
    return int(lines[1].split()[3]) * 1024 if len(lines) > 1 else None
