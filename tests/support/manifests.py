"""Manifests of invented backups."""

from typing import Any

SIZE, ROWS = 2_500_000, 42


def manifest(database: str, name: str, taken: str, **changes: Any) -> dict[str, Any]:
    """Return the manifest of a backup of SIZE bytes, with two tables of 42 rows together.

    Args:
        database: name of the database.
        name: the backup's.
        taken: when its snapshot was taken.
        changes: further values of the manifest.
    """
    root = f"postgres/{database}/{name}"
    stored = {"sha256": "ab", "codec": "zstd"}
    table = {"schema": "public", "kind": "table", "checksum": "1"}
    return {
        "format": 2,
        "id": name[-8:],
        "database": database,
        "server_version": "18.4",
        "started_at": taken,
        "database_bytes": 5,
        "objects": {
            "dump": {"key": f"{root}/dump.zst", "size": SIZE - 1, **stored},
            "globals": {"key": f"{root}/globals.json.zst", "size": 1, **stored},
        },
        "tables": [{**table, "name": "full", "rows": ROWS}, {**table, "name": "empty", "rows": 0}],
        "definitions": {"TABLE public.full": "0123456789abcdef"},
    } | changes
