"""Recover the database to a moment in its past, with the command of the database node."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from pipeline.backups import nocodb
from pipeline.backups.node import Figures, command, physical_backup, run_command
from pipeline.deployment import DATABASE, Deployment
from pipeline.errors import PipelineError
from pipeline.runners.cleanup import clean_after
from pipeline.units import duration, in_units

COMMAND = "recover-pg.sh"
LATEST = "latest"
BACK_UP = "run physical-backup.sh on the database node"
REMOVE = "run recover-pg.sh --config FILE --remove-older {} on the database node"
"""What to do when a step after the swap fails."""


@dataclass(frozen=True)
class Target:
    """The moment to recover to.

    Args:
        time: a time with its zone, or "latest"; None for a point.
        point: the name of a proven point; None for a time.
        into: the database to bring back alone; None for the whole server.
    """

    time: str | None = None
    point: str | None = None
    into: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the node's command."""
        moment = ("--to-time", self.time) if self.time else ("--to-point", str(self.point))
        return (*moment, "--into", self.into) if self.into else moment


async def look(d: Deployment, target: Target) -> Figures:
    """Return what a recovery would take. Nothing is recovered.

    Raises:
        PipelineError: the repository does not hold the moment, or the volume has no room.
    """
    name = "recovery: look at the backups and the WAL"
    return await run_command(d, command(d, name, COMMAND, *target.options, "--check-only"))


def table(found: Figures) -> Iterator[str]:
    """Yield what an operator needs to know before a recovery, in lines for a terminal."""
    point = f", the proven point {found['point']}" if found["point"] else ""
    yield f"moment   {found['moment']}{point}, on timeline {found['timeline']}"
    yield f"held     {found['earliest']} to {found['latest']}"
    yield f"backup   {found['backup']}, finished {found['backup_finished_at']}"
    yield f"WAL      about {found['wal_segments']} segments, {in_units(found['wal_bytes'])} in the bucket"
    needed, kept, free = (in_units(found[f"{each}_bytes"]) for each in ("needed", "reserve", "free"))
    yield f"room     {needed} needed, {kept} stay free for the live database, {free} free"
    since = f"in the last {duration(found['lost_seconds'])}"
    if found["not_archived"]:
        yield f"WARNING  the newest rows are not in the bucket: {found['not_archived']}"
    if "into" in found:
        size = in_units(found["into_bytes"]) if found["into_bytes"] else "not on the live server now"
        yield f"database {found['into']}, {size}"
        yield f"kept     what was written {since}, in the database that is there now"
        yield from (f"older    {each}, which stays; drop it when nobody needs it" for each in _older(found))
    else:
        yield f"lost     what was written {since}"


def _older(figures: Figures) -> list[str]:
    return [f"{each['database']} ({in_units(each['bytes'])})" for each in figures["older"]]


async def recover(d: Deployment, target: Target) -> Figures:
    """Recover beside the live server, swap the recovered files in, and take a backup of the new timeline.

    NocoDB and the database are stopped only for the swap.

    Returns:
        The figures of the recovery, with `kept`, the folder of the formerly live files on the node, and
        nocodb_away_seconds.

    Raises:
        PipelineError: the recovery failed; before the swap, the live database was not touched. After the
            swap, the error names the folder of the formerly live files.
    """
    name = "recovery: restore, replay and compare"
    found = await run_command(d, command(d, name, COMMAND, *target.options))
    swapped: Figures = {}
    try:
        async with nocodb.away(d) as away, nocodb.database_stopped(d):
            swapped = await go_live(d, found["id"])
    except BaseException as error:
        fix = _to_start(d) if swapped else BACK_UP
        swapped = swapped or await give_up(d, error, found["id"])
        if not swapped:
            raise
        raise_live(error, found, swapped["kept"], fix)
    remove = REMOVE.format(found["id"])
    for step, fix in ((physical_backup, BACK_UP), (partial(remove_older, found=found), remove)):
        try:
            await step(d)
        except PipelineError as error:
            raise_live(error, found, swapped["kept"], fix)
    seconds = {"nocodb_away_seconds": away.seconds} if d.real_nodes else {}
    return {**found, "kept": swapped["kept"], **seconds}


def _to_start(d: Deployment) -> str:
    rotated = d.advice(
        "if NocoDB's password is refused, that moment was before a rotation: run `quickdata deploy`"
    )
    logs = "look at docker service logs of NocoDB and of its database"
    return f"{rotated}; otherwise {logs}; on the database node"


async def bring_back(d: Deployment, target: Target) -> Figures:
    """Recover beside the live server, and swap one database of that moment in. All others stay.

    NocoDB is stopped only for the swap, and only if the database is its own.

    Returns:
        The figures of the recovery, with `kept`, the new name of the formerly live database, or None if there
        was none; and nocodb_away_seconds if NocoDB was stopped.

    Raises:
        PipelineError: the recovery failed; before the swap, the live database was not touched. After the
            swap, the error names the formerly live database.
    """
    name = "recovery: restore, replay, copy and compare"
    found = await run_command(d, command(d, name, COMMAND, *target.options))
    swapped: Figures = {}
    try:
        async with nocodb.away(d) if target.into == DATABASE else running() as away:
            options = ("--go-live", found["id"], "--into", found["into"])
            swapped = await run_command(d, command(d, "recovery: swap the database", COMMAND, *options))
            d.progress.note(_kept(found, swapped["kept"]))
    except BaseException as error:
        swapped = swapped or await give_up(d, error, found["id"])
        if not swapped:
            raise
        fix = d.advice("look at docker service logs of NocoDB, and run `quickdata verify`")
        raise_live(error, found, swapped["kept"], fix)
    seconds = {} if away.seconds is None else {"nocodb_away_seconds": away.seconds}
    return {**found, "kept": swapped["kept"], "older": swapped["older"], **seconds}


@asynccontextmanager
async def running() -> AsyncIterator[nocodb.Away]:
    """Let NocoDB run: the database is not its own."""
    yield nocodb.Away()


async def go_live(d: Deployment, number: str) -> Figures:
    """Swap the recovered files in, and say at once where the formerly live ones are."""
    swapped = await run_command(d, command(d, "recovery: swap the files", COMMAND, "--go-live", number))
    d.progress.note(f"the formerly live files are in {swapped['kept']} on the database node")
    return swapped


async def remove_older(d: Deployment, found: Figures) -> None:
    """Remove what earlier recoveries have kept, now that the database runs again."""
    await run_command(d, command(d, "recovery: remove older files", COMMAND, "--remove-older", found["id"]))


async def give_up(d: Deployment, error: BaseException, number: str) -> Figures:
    """Remove a recovery after a failure: until then, the node refuses other backups and recoveries.

    Returns:
        The figures of the swap if the node says that the recovery is live: only the answer was lost. Else
        none.
    """
    said: Figures = {}

    async def ask() -> None:
        said.update(await run_command(d, command(d, "recovery: give it up", COMMAND, "--give-up", number)))

    await clean_after(error, ask)
    if said.get("action") != "live":
        return {}
    d.progress.note(f"recovery {number} is live all the same; the old state is {said['kept']}")
    return said


def _kept(found: Figures, kept: str | None) -> str:
    if not kept:
        return "there was no such database before"
    return f"the formerly live {'database is' if 'into' in found else 'files are in'} {kept} there"


def raise_live(error: BaseException, found: Figures, kept: str | None, fix: str) -> NoReturn:
    """Raise the error of a step after the swap, with the name of the formerly live database or files."""
    if not isinstance(error, PipelineError):
        raise error
    what = f"{found.get('into', 'the database')} is that of {found['moment']}, but then: {error.what}"
    failure = PipelineError(what, f"{fix}; {_kept(found, kept)}", error.tail)
    failure.exit_code = error.exit_code
    raise failure from error


async def drill(d: Deployment) -> Figures:
    """Recover to the newest proven point in a throwaway server on the database node, compare, and remove it.

    Returns:
        The figures, with rpo_seconds and rto_seconds. They are also beside the point in the bucket.

    Raises:
        PipelineError: the rows differ, pages are damaged, or the recovery failed.
    """
    name = "physical drill: recover, compare, look for damage"
    return await run_command(d, command(d, name, COMMAND, "--to-point", LATEST, "--verify"))


def drill_in_words(figures: Figures) -> str:
    """Return the result of a drill, in words."""
    rows = f"{figures['tables']} tables with {figures['rows']} rows equal those of {figures['point']}"
    rpo, rto = duration(figures["rpo_seconds"]), f"{figures['rto_seconds']} s"
    return f"{rows}; pg_amcheck finds no damage; RPO at most {rpo}, RTO {rto}"


def brought_back_in_words(figures: Figures) -> str:
    """Return the result of bringing one database back, in words."""
    rows = f"{figures['tables']} tables with {figures['rows']} rows"
    proven = "; the moment is compared with its proven point" if figures["compared"] else ""
    words = f"{figures['into']} is that of {figures['moment']}: {rows} equal the recovered ones{proven}"
    if "nocodb_away_seconds" in figures:
        words += f"; NocoDB was down for {figures['nocodb_away_seconds']} s"
    kept = figures["kept"]
    words += f"; the old database is {kept}" if kept else "; there was no such database before"
    older = ", ".join(_older(figures))
    return f"{words}; older ones stay until you drop them: {older}" if older else words


def in_words(figures: Figures) -> str:
    """Return the result of a recovery, in words."""
    rows = f"{figures['tables']} tables with {figures['rows']} rows"
    proven = "compared with the proven point" if figures["compared"] else "readable; no proof for that moment"
    words = f"the database is that of {figures['moment']}: {rows} {proven}"
    if "nocodb_away_seconds" in figures:
        words += f"; NocoDB was down for {figures['nocodb_away_seconds']} s"
    return f"{words}; the old files are in {figures['kept']} on the database node"
