"""The catalogue of the backups in S3: their manifests, and which backups were verified."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws.account import Cloud
from pipeline.errors import BackupError
from pipeline.units import duration, in_units
from quickdata_node.manifest import BadManifest, Manifest, read_manifest

ID = re.compile(r"[0-9a-f]{8}")
EPOCH = datetime.fromtimestamp(0, UTC)
NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
BASES = ("public", "nc_bases_v2")
"""The table in which NocoDB lists its bases: schema and name."""
LARGEST = 64 << 20
"""The most bytes of a manifest: a larger object is not a list of tables."""


@dataclass(frozen=True)
class Backup:
    """One backup, or the objects that a failed run left behind.

    Args:
        name: time and id, as in its key.
        complete: whether its manifest exists; without a manifest it is not a backup.
        taken: the time of its snapshot; without a usable manifest, the time in its name.
        bytes: the size of all its objects in S3.
        database_bytes: the size of its database on the server's disk.
        tables: number of tables.
        rows: number of rows in them.
        bases: number of NocoDB's bases; 0 if the database is not NocoDB's.
        keep_daily: number of days to keep a backup of, as the node noted.
        keep_weekly: number of weeks to keep a backup of, as the node noted.
        verified_at: when a restore of it was last compared with the manifest; None if never.
        verified_by: the program that compared it.
        problem: why its manifest cannot be used; None if it can.
    """

    name: str
    complete: bool
    taken: datetime
    bytes: int = 0
    database_bytes: int = 0
    tables: int = 0
    rows: int = 0
    bases: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    verified_at: str | None = None
    verified_by: str | None = None
    problem: str | None = None

    @property
    def id(self) -> str:
        """The backup's id, as restore takes it."""
        return self.name.rpartition("-")[2]

    def document(self) -> dict[str, Any]:
        """Return the backup as values for JSON."""
        return {"id": self.id, **asdict(self), "taken": self.taken.isoformat()}


async def list_backups(cloud: Cloud, bucket: str, database: str) -> list[Backup]:
    """Return a database's backups, newest first, including incomplete ones and those with a bad manifest.

    Raises:
        BackupError: the bucket cannot be read.
    """
    return list(await cloud.ask(partial(_read_all, cloud), bucket, database))


def choose(listed: Iterable[Backup], backup_id: str | None, database: str) -> Backup:
    """Return the backup with an id, or the newest one.

    If the newest backup cannot be used, an older one is never taken instead: the operator decides how much
    data may be lost.

    Args:
        listed: the backups of a database, newest first.
        backup_id: the id; None means the newest.
        database: the name of the database.

    Raises:
        BackupError: there is no such backup, it is incomplete, or its manifest cannot be used.
    """
    complete = [each for each in listed if each.complete]
    matching = [each for each in complete if backup_id in (None, each.id)]
    if not matching:
        which = f"no complete backup {backup_id}" if backup_id else "no backup yet"
        listing = f"`quickdata backups --database {shlex.quote(database)}` lists them"
        fix = listing if complete else "take a backup first, with the verb backup"
        raise BackupError(f"there is {which} of {database}", fix)
    if matching[0].problem:
        which = "backup" if backup_id else "newest backup"
        usable = [f", or use an older backup: --id {each.id}" for each in complete if not each.problem]
        fix = "restore the earlier version of its manifest in S3" + "".join(usable[:1])
        raise BackupError(f"the {which} {matching[0].id} cannot be used: {matching[0].problem}", fix)
    return matching[0]


def table(listed: Iterable[Backup], now: datetime) -> Iterator[str]:
    """Yield the lines of a table for a terminal."""
    columns = "{:<9} {:>9} {:>10} {:>7} {:>12}  {:<8}  {}"
    yield columns.format("ID", "AGE", "SIZE", "TABLES", "ROWS", "COMPLETE", "VERIFIED")
    for each in listed:
        size = in_units(each.bytes)
        yield columns.format(each.id, age(each, now), size, each.tables, each.rows, *_standing(each)).rstrip()


def _standing(backup: Backup) -> tuple[str, str]:
    if backup.problem:
        return "BAD", f"cannot be restored: {backup.problem}"
    if not backup.complete:
        return "no", "INCOMPLETE: its run failed or is still running; it is not a backup"
    return "yes", f"{backup.verified_at} by {backup.verified_by}" if backup.verified_at else "never"


def _read_all(cloud: Cloud, bucket: str, database: str) -> list[Backup]:
    try:
        client = cloud.client("s3")
        files: dict[str, set[str]] = {}
        for name, file in _files(client, bucket, f"postgres/{database}/"):
            files.setdefault(name, set()).add(file)
    except ClientError as error:
        reason = error.response["Error"]["Message"]
        fix = "check TF_VAR_s3_bucket_base_name, TF_VAR_bucket_suffix, AWS_REGION and the credentials"
        raise BackupError(f"the backups in s3://{bucket} cannot be read: {reason}", fix) from error
    return [_read(client, bucket, database, name, files[name]) for name in sorted(files, reverse=True)]


def _files(client: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the backup and the file name of every key that belongs to a backup of exactly this database."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            name, _, file = item["Key"].removeprefix(prefix).partition("/")
            if _time(name) and "/" not in file:
                yield name, file


def _read(client: Any, bucket: str, database: str, name: str, files: set[str]) -> Backup:
    root = f"postgres/{database}/{name}"
    backup = Backup(name, "manifest.json" in files, _time(name) or EPOCH)
    if not backup.complete:
        return backup
    try:
        text = _download(client, bucket, f"{root}/manifest.json")
        backup = replace(backup, **_facts(read_manifest(text, database, backup.id, root)))
    except (_Unusable, BadManifest) as error:
        return replace(backup, problem=f"its manifest {error}")
    with suppress(_Unusable, ValueError, RecursionError):  # a bad verified.json counts as never verified
        verified = _download(client, bucket, f"{root}/verified.json") if "verified.json" in files else "{}"
        return replace(backup, **_verification(json.loads(verified)))
    return backup


class _Unusable(Exception):  # noqa: N818 - becomes text in a line
    """A JSON document of a backup cannot be used; the message says why."""


def _download(client: Any, bucket: str, key: str) -> bytes:
    try:
        text: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read(LARGEST + 1)
    except ClientError as error:
        raise _Unusable(f"cannot be read: {error.response['Error']['Message']}") from error
    if len(text) > LARGEST:
        raise _Unusable(f"is larger than {in_units(LARGEST)}")
    return text


def _facts(manifest: Manifest) -> dict[str, Any]:
    """Return the facts about a backup from its manifest. Anybody may have written it, so it is checked."""
    try:
        taken = datetime.fromisoformat(manifest.started_at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Unusable("has no valid time") from error
    bases = sum(each.rows or 0 for each in manifest.tables if (each.schema, each.name) == BASES)
    return {
        **manifest.totals,
        "bases": bases,
        "database_bytes": manifest.database_bytes,
        "keep_daily": manifest.keep_daily,
        "keep_weekly": manifest.keep_weekly,
        "taken": taken,
    }


def _verification(verified: Any) -> dict[str, Any]:
    if not isinstance(verified, dict):
        return {}
    by = verified.get("by")
    try:
        when = datetime.fromisoformat(str(verified.get("verified_at"))).astimezone(UTC)
    except (ValueError, OverflowError):
        return {}
    time = f"{when:%Y-%m-%dT%H:%M:%SZ}"
    return {"verified_at": time, "verified_by": by} if isinstance(by, str) and by.isprintable() else {}


def _time(name: str) -> datetime | None:
    """Return the time in a backup's name; None if it is not the name of a backup."""
    try:
        time = datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return time if NAME.fullmatch(name) else None


def age(backup: Backup, now: datetime) -> str:
    """Return the age of a backup's snapshot, in words."""
    return duration((now - backup.taken).total_seconds())
