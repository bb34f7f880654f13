"""The swap of a finished recovery's files for the live ones, with the database stopped."""

import re
from pathlib import Path
from subprocess import PIPE

from quickdata_node import reservation
from quickdata_node.config import Config
from quickdata_node.physical.backup import physical_lock
from quickdata_node.physical.places import Place, Volume
from quickdata_node.run import Failed, Run
from quickdata_node.server import ServerFailed, start_here

ABOVE = "the lines above say why"


def go_live(run: Run, config: Config, volume: Volume, number: str) -> None:
    """Exchange the recovered files and the live ones. No signal stops it halfway."""
    place = find_finished(volume, number, "ready", "live")
    if is_running(run, config):
        raise Failed("the database still runs", "stop it first: `quickdata restore` does", 1)
    run.hold_signals()
    try:
        place.go_live()
    except OSError as error:
        if not place.has_gone_live:
            what = "the recovered files cannot be swapped in; the live database was not touched"
            raise Failed(what, ABOVE) from error
        run.log(f"{error}: the swap is done, and the next recover-pg.sh notes it")
    release(config)
    run.log(f"recovery {place.id} is live; the formerly live files are in {place.data}")
    run.tell({"seconds": run.seconds(), "action": "live", "id": place.id, "kept": str(place.data)})


def remove_older(run: Run, volume: Volume, number: str) -> None:
    """Remove what the recoveries before a live one have kept.

    This is a run of its own, after the start of the database: large folders take a while.
    """
    volume.remove_older(find_finished(volume, number, "live"), run.log)
    run.tell({"seconds": run.seconds(), "action": "older removed", "id": number})


def find_finished(volume: Volume, number: str, *stages: str) -> Place:
    """Return the folder of a finished recovery.

    Raises:
        Failed: there is none with this id, or it is at another stage.
    """
    place = volume.place(number)
    if not re.fullmatch("[0-9a-f]{8}", number) or place.stage not in stages:
        raise Failed(f"there is no finished recovery {number}", "recover again", 2)
    return place


def locks(config: Config) -> tuple[Path, ...]:
    """Return the locks that a recovery takes: no backup and no other recovery runs meanwhile."""
    return config.lock_file, physical_lock(config)


def reserve(config: Config, number: str) -> None:
    """Keep other backups and recoveries away until a recovery has been swapped in.

    Raises:
        Failed: the reservation cannot be written.
    """
    try:
        for lock in locks(config):
            reservation.reserve(lock, number)
    except OSError as error:
        release(config)
        raise Failed("the swap cannot be reserved", "make room beside the locks") from error


def release(config: Config) -> None:
    """Let other backups and recoveries run again."""
    for lock in locks(config):
        reservation.release(lock)


def is_running(run: Run, config: Config) -> bool:
    """Return whether the live database runs on this machine."""
    label = f"label=com.docker.swarm.service.name={config.pg_service}"
    which = label if config.pg_service else f"name=^{config.pg_container}$"
    try:
        child = start_here(run, "docker", "ps", "--quiet", "--filter", which, stdout=PIPE)
    except ServerFailed as error:
        raise Failed("Docker cannot be run", ABOVE) from error
    found = child.communicate()[0]
    if child.returncode:
        raise Failed("Docker cannot list its containers", ABOVE)
    return bool(found.strip())
