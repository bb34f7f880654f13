"""The outcome of a restore: the JSON line, the note beside the backup, and the missing objects."""

import json
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quickdata_node import names
from quickdata_node.load import Failure
from quickdata_node.run import Failed, now
from quickdata_node.server import Server
from quickdata_node.store import StoreFailed

if TYPE_CHECKING:
    from quickdata_node.restore import Restore

ABOVE = "the lines above say why"
NAMED = 5
"""Number of objects that the last line names. The log names all."""


def summary(restore: "Restore") -> dict[str, Any]:
    """Return the content of the JSON line about the restore."""
    totals, verify = restore.manifest.totals, restore.options.verify
    return {
        "id": restore.manifest.id,
        "action": restore.options.action,
        "tables": totals["tables"],
        "rows": totals["rows"],
        "mismatches": 0,
        "kept": restore.kept if not verify and is_there(restore.server, restore.config.database) else None,
        "refused": restore.refused,
        "missing": [each._asdict() for each in restore.missing],
        "not_valid": [each._asdict() for each in restore.not_valid],
        "otherwise": restore.otherwise,
    }


def in_words(failures: Sequence[Failure]) -> str:
    """Return the names of the first objects, and the number of the others."""
    rest = len(failures) - NAMED
    more = [f"and {rest} more"] if rest > 0 else []
    return ", ".join([*(each.what for each in failures[:NAMED]), *more])


def require_complete(restore: "Restore") -> None:
    """End with exit code 5 when objects are missing or defined otherwise."""
    failures = [*restore.missing, *restore.not_valid]
    if failures:
        what = f"backup {restore.name} is restored, without {in_words(failures)}"
        raise Failed(what, "fix their rows and create them, as the runbook says", 5)
    if restore.otherwise:
        what = f"backup {restore.name} is restored, with {len(restore.otherwise)} objects defined otherwise"
        raise Failed(what, "the lines above name them; define them again, as the runbook says", 5)


def is_there(server: Server, database: str) -> bool:
    """Return whether a database of this name exists."""
    query = "select exists (select from pg_database where datname = :'live')"
    return server.sql(server.maintenance, query, "-v", f"live={database}").strip() == "t"


def note_verified(restore: "Restore") -> dict[str, Any]:
    """Drop the scratch database, and note beside the backup that it is verified.

    Returns:
        The duration, and in a drill also its figures, for the JSON line.
    """
    run, drill = restore.run, restore.config.drill
    if drill:
        run.started = drill.started
    restore.undo.close()
    run.hold_signals()  # a verified backup must not be reported as interrupted
    said: dict[str, Any] = {"seconds": run.seconds()}
    if drill:
        said |= {"rpo_seconds": drill.rpo, "rto_seconds": said["seconds"]}
        said["stand_in_locale"] = restore.stand_in
    write_note(restore, f"{'drill' if drill else run.program} on {socket.gethostname()}", said)
    return said


def write_note(restore: "Restore", by: str, said: dict[str, Any]) -> None:
    """Write verified.json, which says who verified the backup, when, and how long that took."""
    note = {"id": restore.manifest.id, "verified_at": now(), "by": by, **said}
    root = restore.manifest.objects["dump"].key.rpartition("/")[0]
    try:
        restore.store.write(f"{root}/{names.VERIFIED}", json.dumps(note).encode())
    except StoreFailed as error:
        raise Failed("the backup is good, but verified.json cannot be written", ABOVE) from error
