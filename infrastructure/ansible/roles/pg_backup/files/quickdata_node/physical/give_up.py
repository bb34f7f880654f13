"""Gives a recovery up: its folder or its scratch database goes, and its reservation ends."""

import re

from quickdata_node import outcome, reservation
from quickdata_node.config import Config
from quickdata_node.physical import ready
from quickdata_node.physical.places import Volume
from quickdata_node.physical.ready import Ready
from quickdata_node.physical.swap import locks, release
from quickdata_node.run import Failed, Run
from quickdata_node.server import ServerFailed


def give_up(run: Run, config: Config, volume: Volume, number: str) -> None:
    """Remove a recovery that did not go live, and end its reservation.

    The id says whether it is one of the server or of a database. A recovery that went live stays, and the
    JSON line says so: the answer of its swap may have been lost.
    """
    place, database = volume.place(number), ready.read(config)
    if not re.fullmatch("[0-9a-f]{8}", number):
        raise _none(number)
    if database and database.id == number:
        said = _give_up_database(run, config, database)
    elif place.stage == "live":
        said = {"action": "live", "id": number, "kept": str(place.data)}
    elif place.folder.is_dir() or any(reservation.is_for(lock, number) for lock in locks(config)):
        volume.remove_unused(run.log)
        said = {"action": "given up", "id": number}
    else:
        raise _none(number)
    release(config)
    run.log(f"recovery {number} is {said['action']}")
    run.tell({"seconds": run.seconds(), **said})


def _give_up_database(run: Run, config: Config, database: Ready) -> dict[str, str | None]:
    live = ready.find_live(run, config, database.database)
    if ready.is_live(live, database):
        kept = database.kept if outcome.is_there(live, database.kept) else None
        return {"action": "live", "id": database.id, "kept": kept}
    try:
        ready.drop(live, database)
    except ServerFailed as error:
        raise Failed(f"{database.scratch} cannot be dropped", "the lines above say why") from error
    ready.note(config).unlink(missing_ok=True)
    return {"action": "given up", "id": database.id}


def _none(number: str) -> Failed:
    return Failed(f"there is no recovery {number} to give up", "the log of its run has its id", 2)
