"""Recovers the server to a moment in its past, beside the live one, and proves it before the two are swapped.

pgBackRest restores a backup into a folder of the same volume, and a throwaway container replays the WAL up to
the moment. The rows are counted there, and compared if the moment is a proven point. The live server runs
meanwhile. Last, with the database stopped, `swap.py` exchanges the two folders. On a failure before that, the
live database was not touched.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quickdata_node.config import Config
from quickdata_node.physical import points, summary
from quickdata_node.physical.choice import Choice
from quickdata_node.physical.ending import require_end
from quickdata_node.physical.into import prepare
from quickdata_node.physical.places import Place, Volume
from quickdata_node.physical.proof import ABOVE, check_pages, prove
from quickdata_node.physical.ready import Ready
from quickdata_node.physical.summary import BadSummary
from quickdata_node.physical.swap import release, reserve
from quickdata_node.physical.throwaway import ARCHIVE_LATER, ARCHIVE_NOTHING, Throwaway
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server
from quickdata_node.store import Store, StoreFailed


@dataclass(frozen=True)
class Recovery:
    """A recovery.

    Args:
        run: this run.
        config: its configuration.
        volume: the database's volume.
        place: the folder of the recovery.
        choice: the moment, and what it takes to go there.
    """

    run: Run
    config: Config
    volume: Volume
    place: Place
    choice: Choice


def recover(recovery: Recovery) -> dict[str, Any]:
    """Restore, replay the WAL up to the moment, compare, and shut the server down.

    Returns:
        The result of the comparison, for the JSON line.
    """
    throwaway, server, undo = start(recovery, ARCHIVE_LATER)
    proof = prove(server, recovery.choice)
    throwaway.forget(server)
    throwaway.stop()
    reserve(recovery.config, recovery.place.id)
    undo.callback(release, recovery.config)
    recovery.place.finish()
    undo.pop_all()
    recovery.run.log(f"recovered to {recovery.choice.moment}, and ready to go live")
    return proof


def start(recovery: Recovery, archive: tuple[str, ...]) -> tuple[Throwaway, Server, ExitStack]:
    """Restore a backup, and replay the WAL up to the moment.

    Args:
        recovery: the recovery.
        archive: what the recovered server does with its own WAL.

    Returns:
        The container, the server in it, and the removals that the end of the run makes.
    """
    run, volume, place, choice = recovery.run, recovery.volume, recovery.place, recovery.choice
    throwaway = Throwaway(run, recovery.config, place)
    undo = run.cleaning.enter_context(ExitStack())
    undo.callback(volume.remove_unused, run.log)
    undo.callback(throwaway.remove)
    place.make()
    run.log(f"restoring backup {choice.backup.label} to {choice.moment}")
    throwaway.pgbackrest.command("restore", *choice.options, meanwhile=volume.require_reserve)
    server = throwaway.start(archive, volume)
    require_end(server, throwaway, choice)
    return throwaway, server, undo


def bring_back(recovery: Recovery, database: str) -> dict[str, Any]:
    """Recover, compare with the proven point, and copy one database beside the live one.

    Returns:
        The result of the comparisons, for the JSON line.
    """
    _, server, undo = start(recovery, ARCHIVE_NOTHING)
    point = recovery.choice.moment.point
    proof = prove(server, recovery.choice) if point else {"compared": False}
    copied = prepare(server, Ready(database, recovery.place.id), recovery.volume)
    undo.close()
    reserve(recovery.config, recovery.place.id)
    return {**proof, **copied}


def verify(recovery: Recovery) -> dict[str, Any]:
    """Recover, compare with the proven point, check for damage, remove the recovery, and note the result.

    Returns:
        The result for the JSON line. rpo_seconds is the age of the newest WAL in the bucket when the run
        began, rto_seconds the time until the compared server could be used.
    """
    run, began = recovery.run, datetime.fromtimestamp(recovery.run.started, UTC)
    _, server, undo = start(recovery, ARCHIVE_NOTHING)
    proof = prove(server, recovery.choice)
    figures = {"rpo_seconds": round(recovery.choice.lag(began), 1), "rto_seconds": run.seconds()}
    check_pages(server)
    undo.close()
    if point := recovery.choice.moment.point:
        try:
            store = Store(recovery.config.bucket)
            points.note_verified(store, point, {**proof, **figures})
            summary.note_verified(store, point.database, point.name, datetime.now(UTC))
        except (StoreFailed, BadSummary) as error:
            what = f"the point {point.name} is good, but that cannot be noted in the bucket"
            raise Failed(what, ABOVE) from error
    return {**proof, **figures}
