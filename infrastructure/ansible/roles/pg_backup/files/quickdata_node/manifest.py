"""The manifest: the small JSON file that is written last. After that, the backup exists."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from quickdata_node.needs import NONE, Needs, read_needs

FORMAT = 2
"""The format of new manifests. Format 1, which the former bash scripts wrote too, stays readable for ever."""
FORMATS = (1, FORMAT)
OBJECTS = ("dump", "globals", "attachments")
NEEDED = ("dump", "globals")
CODECS = ("zstd", "gzip")
KINDS = ("table", "partitioned table", "materialized view", "foreign table", "large objects")
MOST = 10**18
"""Upper limit of a manifest's figures. No real figure comes near it; PostgreSQL counts in bigint."""
DAILY, WEEKLY = 7, 4
"""The role's default retention: that of a manifest of an earlier program, which notes none."""
ANOTHER = "restore another backup with --id"


class BadManifest(Exception):  # noqa: N818 - callers say which one
    """A manifest that cannot be used.

    Args:
        why: what is wrong; it completes the sentence "the manifest of NAME …".
        fix: what to do.
    """

    def __init__(self, why: str, fix: str = ANOTHER) -> None:
        super().__init__(why)
        self.why, self.fix = why, fix


@dataclass(frozen=True)
class StoredObject:
    """An object of a backup.

    Args:
        key: its key in the bucket.
        size: its bytes in the bucket.
        sha256: SHA-256 of these bytes, in hexadecimal digits.
        codec: compression of the object: zstd or gzip.
        unpacked: bytes of its content; None if not measured.
        files: number of files in an archive; None in other objects.
        file_bytes: bytes of these files; None in other objects.
    """

    key: str
    size: int
    sha256: str
    codec: str
    unpacked: int | None = None
    files: int | None = None
    file_bytes: int | None = None


@dataclass(frozen=True)
class Table:
    """The fingerprint of a table, or of all large objects.

    Args:
        schema: its schema.
        name: its name.
        kind: one of KINDS.
        rows: number of rows; None if they are not data of this database.
        checksum: checksum of the rows in any order; None if they are not data of this database.
    """

    schema: str
    name: str
    kind: str
    rows: int | None
    checksum: str | None


@dataclass(frozen=True)
class Manifest:
    """The description of a backup, with all that a restore compares.

    Args:
        id: the backup's id, the end of its name.
        database: name of the database.
        server_version: PostgreSQL's version.
        client_version: pg_dump's version.
        started_at: time of the backup's start, in UTC.
        finished_at: time when all objects were written, in UTC.
        database_bytes: bytes of the database on the server's disk.
        objects: the backup's objects by name.
        tables: the tables' fingerprints.
        definitions: a checksum for each object in the database, by name; None in format 1.
        is_template: whether the database is a template.
        needs: the database's needs of a server; empty in old backups.
        keep_daily: number of days to keep a backup of, when this one was taken.
        keep_weekly: number of weeks to keep a backup of, when this one was taken.
        format: form of the manifest and of the tables' checksums.
    """

    id: str
    database: str
    server_version: str
    client_version: str
    started_at: str
    finished_at: str
    database_bytes: int
    objects: Mapping[str, StoredObject]
    tables: Sequence[Table]
    definitions: Mapping[str, str] | None = None
    is_template: bool = False
    needs: Needs = NONE
    keep_daily: int = DAILY
    keep_weekly: int = WEEKLY
    format: int = FORMAT

    @property
    def server_major(self) -> int:
        """The server's major version."""
        return int(self.server_version.partition(".")[0])

    @property
    def totals(self) -> dict[str, int]:
        """Sums over tables and objects, for lists of backups."""
        return {
            "tables": sum(table.kind != "large objects" for table in self.tables),
            "rows": sum(table.rows or 0 for table in self.tables if table.kind == "table"),
            "bytes": sum(stored.size for stored in self.objects.values()),
        }

    def text(self) -> str:
        """Return the manifest as the text of the file in the bucket."""
        facts = asdict(self)
        objects = {
            name: {key: value for key, value in stored.items() if value is not None}
            for name, stored in facts.pop("objects").items()
        }
        first, last = (
            {"format": facts.pop("format")},
            {key: facts.pop(key) for key in ("tables", "definitions")},
        )
        document = {**first, **facts, "objects": objects, "totals": self.totals, **last}
        return json.dumps(document, ensure_ascii=False)


def read_manifest(text: bytes, database: str, backup_id: str, prefix: str) -> Manifest:
    """Return the manifest in a text. The text is hostile until checked.

    Args:
        text: content of the file.
        database: database that the backup must belong to.
        backup_id: id that the backup must have.
        prefix: beginning that the keys of its objects must have.

    Raises:
        BadManifest: the manifest cannot be used.
    """
    document = _document(text)
    _check(document, database, backup_id)
    said = ("server_version", "client_version", "started_at", "finished_at")
    return Manifest(
        id=backup_id,
        database=database,
        **{key: str(document.get(key, "")) for key in said},
        database_bytes=document["database_bytes"],
        objects=_objects(document.get("objects"), prefix),
        tables=read_tables(document.get("tables")),
        definitions=_definitions(document),
        is_template=document.get("is_template") is True,
        needs=_needs(document.get("needs")),
        keep_daily=_retention(document, "keep_daily", DAILY, least=1),
        keep_weekly=_retention(document, "keep_weekly", WEEKLY, least=0),
        format=document["format"],
    )


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadManifest("cannot be understood")
    return document


def _check(document: dict[str, Any], database: str, backup_id: str) -> None:
    found = document.get("format")
    if found not in FORMATS or type(found) is not int:
        known = found if isinstance(found, int) else "none"  # never show a text that is not checked
        raise BadManifest(f"has format {known}, not 1 or {FORMAT}", "use the scripts that wrote it")
    if (document.get("database"), document.get("id")) != (database, backup_id):
        raise BadManifest("belongs to another backup")
    if not (_is_number(document.get("database_bytes")) and _is_version(document.get("server_version"))):
        raise BadManifest("gives a version or a size that is not a number")


def _objects(found: Any, prefix: str) -> dict[str, StoredObject]:
    if not isinstance(found, dict) or not all(found.get(name) for name in NEEDED):
        raise BadManifest("lacks an object")
    return {name: _object(name, described, prefix) for name, described in found.items()}


def _object(name: str, described: Any, prefix: str) -> StoredObject:
    try:
        stored = StoredObject(**{key: described.get(key) for key in StoredObject.__dataclass_fields__})
    except AttributeError:
        stored = StoredObject("", 0, "", "")
    known = name in OBJECTS and stored.codec in CODECS and isinstance(stored.sha256, str)
    optional = (stored.unpacked, stored.files, stored.file_bytes)
    sizes = [stored.size, *(each for each in optional if each is not None)]
    ours = isinstance(stored.key, str) and stored.key.startswith(f"{prefix}/")
    if not (known and ours and all(map(_is_number, sizes))):
        which = name if name.isprintable() else "objects"
        raise BadManifest(f"describes its {which} wrongly")
    return stored


def read_tables(found: Any) -> list[Table]:
    """Return the fingerprints in a document's list.

    Raises:
        BadManifest: the list is not valid.
    """
    try:
        tables = [Table(*(each[key] for key in Table.__dataclass_fields__)) for each in found]
    except (TypeError, KeyError):
        raise BadManifest("has no list of tables") from None
    for table in tables:
        texts = isinstance(table.schema, str) and isinstance(table.name, str) and table.kind in KINDS
        counted = table.rows is None or _is_number(table.rows)
        if not (texts and counted and isinstance(table.checksum, str | None)):
            raise BadManifest("has tables that are not valid")
    return tables


def _definitions(document: dict[str, Any]) -> dict[str, str] | None:
    if document["format"] == 1:
        return None
    found = document.get("definitions")
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise BadManifest("has no list of definitions")
    return found


def _needs(found: Any) -> Needs:
    try:
        return read_needs(found)
    except ValueError:
        raise BadManifest("has needs that are not valid") from None


def _retention(document: dict[str, Any], name: str, default: int, least: int) -> int:
    found = document.get(name, default)
    if not _is_number(found) or found < least:
        raise BadManifest("has a retention that is not valid")
    return int(found)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST


def _is_version(value: Any) -> bool:
    major = value.partition(".")[0] if isinstance(value, str) else ""
    return re.fullmatch("[1-9][0-9]{0,2}", major) is not None
