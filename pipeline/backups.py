"""The backups in S3: what their manifests say, and which of them were verified."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from pipeline.errors import BackupError
from pipeline.storage import Cloud

FORMAT = 1
ID = re.compile(r"[0-9a-f]{8}")
NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True)
class Backup:
    """One backup, or what a run that failed left of one.

    Args:
        name: time and id, as in its key.
        complete: whether its manifest exists, and so the backup.
        taken: when its snapshot was taken; without a manifest the time in its name.
        bytes: what is stored, of all its objects.
        tables: number of tables.
        rows: number of rows in them.
        verified_at: when its restore was last compared with the manifest, None if never.
        verified_by: what compared it.
    """

    name: str
    complete: bool
    taken: datetime
    bytes: int = 0
    tables: int = 0
    rows: int = 0
    verified_at: str | None = None
    verified_by: str | None = None

    @property
    def id(self) -> str:
        """What tells it from others; restore takes it."""
        return self.name.rpartition("-")[2]

    def document(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"id": self.id, **asdict(self), "taken": self.taken.isoformat()}


async def backups(cloud: Cloud, bucket: str, database: str) -> list[Backup]:
    """Return a database's backups, newest first, the incomplete ones among them.

    Raises:
        BackupError: the bucket cannot be read, or a manifest is not understood.
    """
    return list(await cloud.ask(partial(_read_all, cloud), bucket, f"postgres/{database}/"))


def chosen(found: Iterable[Backup], backup_id: str | None) -> Backup:
    """Return the backup with an id, or the newest one, of a list that is newest first.

    Raises:
        BackupError: there is none, or it is not complete.
    """
    complete = [each for each in found if each.complete and backup_id in (None, each.id)]
    if not complete:
        which = f"no complete backup {backup_id}" if backup_id else "no backup yet"
        raise BackupError(f"there is {which}", "`quickdata backups` lists them, `quickdata backup` takes one")
    return complete[0]


def table(found: Iterable[Backup], now: datetime) -> Iterator[str]:
    """Yield the lines of a table for people."""
    columns = "{:<9} {:>9} {:>10} {:>7} {:>12}  {}"
    yield columns.format("ID", "AGE", "SIZE", "TABLES", "ROWS", "VERIFIED")
    for each in found:
        old = age((now - each.taken).total_seconds())
        verified = f"{each.verified_at} by {each.verified_by}" if each.verified_at else "never"
        said = verified if each.complete else "INCOMPLETE: its run failed or goes on; it is no backup"
        yield columns.format(each.id, old, _size(each.bytes), each.tables, each.rows, said)


def _read_all(cloud: Cloud, bucket: str, prefix: str) -> list[Backup]:
    try:
        client = cloud.client("s3")
        files: dict[str, set[str]] = {}
        for name, file in _files(client, bucket, prefix):
            files.setdefault(name, set()).add(file)
        return [_read(client, bucket, prefix, name, files[name]) for name in sorted(files, reverse=True)]
    except ClientError as error:
        said = error.response["Error"]["Message"]
        mend = "check TF_VAR_bucket_suffix, AWS_REGION and the credentials"
        raise BackupError(f"the backups in s3://{bucket} cannot be read: {said}", mend) from error


def _files(client: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield backup and file of every key that is one of a backup of this very database."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            name, _, file = item["Key"].removeprefix(prefix).partition("/")
            if NAME.fullmatch(name) and "/" not in file:
                yield name, file


def _read(client: Any, bucket: str, prefix: str, name: str, files: set[str]) -> Backup:
    taken = datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if "manifest.json" not in files:
        return Backup(name, False, taken)
    manifest = _document(client, bucket, f"{prefix}{name}/manifest.json")
    verified = _document(client, bucket, f"{prefix}{name}/verified.json") if "verified.json" in files else {}
    size, tables, rows = _totals(name, manifest)
    return Backup(name, True, taken, size, tables, rows, verified.get("verified_at"), verified.get("by"))


def _totals(name: str, manifest: dict[str, Any]) -> tuple[int, int, int]:
    totals = manifest.get("totals") if manifest.get("format") == FORMAT else None
    if not isinstance(totals, dict) or not totals.keys() >= {"bytes", "tables", "rows"}:
        what = f"the manifest of {name} is not of format {FORMAT}"
        raise BackupError(what, "use the version of this pipeline that wrote it")
    return totals["bytes"], totals["tables"], totals["rows"]


def _document(client: Any, bucket: str, key: str) -> dict[str, Any]:
    try:
        found = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        return dict(found.items())
    except (ValueError, AttributeError) as error:
        raise BackupError(f"{key} is not readable JSON", "bring back its earlier version in S3") from error


def age(seconds: float) -> str:
    """Return a length of time in words, with one unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - SI units
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
