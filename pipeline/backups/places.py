"""Which PostgreSQL of this machine, or beside it, a drill restores into."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import yaml

from pipeline.backups.catalogue import Backup
from pipeline.backups.site import PROGRAM, Holds, OpenSite, Server, Site
from pipeline.errors import ToolError
from pipeline.machine.network import passed_on
from pipeline.machine.repository import REPOSITORY
from pipeline.machine.room import require_room, temporary
from pipeline.machine.scratch import scratch
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.servers.image import docker_answers, get_image, postgres_in_container
from pipeline.servers.installed import installed
from pipeline.servers.named import NamedServer, reach
from pipeline.servers.postgres import MAJOR, postgres

IMAGES = REPOSITORY / "infrastructure/ansible/group_vars/all/images.yml"
ELSEWHERE = (
    "take a server that has it: `quickdata drill --image IMAGE` or `quickdata drill --server HOST:PORT`;"
    " where Docker answers, a drill without them takes the deployment's own image"
)
EMPTY_SERVER = 64 * 1024**2
"""Bytes of a PostgreSQL 18 without data, with its first segments of the log."""
WAL = 1024**3
"""Bytes that a restore's write-ahead log comes to: max_wal_size's default, in PostgreSQL's documentation."""


@dataclass(frozen=True)
class Place:
    """A server that a drill can have.

    Args:
        called: what it is, in words.
        why: what has decided for it.
        open: runs it beside a block, with a directory of its own.
        here: whether its data lie in that directory.
    """

    called: str
    why: str
    open: Callable[[Path], AbstractAsyncContextManager[Server]]
    here: bool = False


OWN = Place(
    "the PostgreSQL that comes with the pipeline",
    f"neither a container nor a PostgreSQL {MAJOR} of packages can be had",
    postgres,
    here=True,
)


def on_this_machine(image: str | None = None, server: NamedServer | None = None) -> OpenSite:
    """Return what opens a drill's site on this machine.

    Args:
        image: the image of a container that is its server.
        server: a server that runs already. Without either, the best one that can be had.
    """
    return at(partial(choose, image, server))


def at(choice: Callable[[Progress], Awaitable[Place]]) -> OpenSite:
    """Return what opens a drill's site with a server of choice, in a directory that is gone afterwards.

    Args:
        choice: chooses the server.
    """

    @asynccontextmanager
    async def site(holds: Holds, backup: Backup, progress: Progress) -> AsyncIterator[Site]:
        place = await choice(progress)
        progress.note(f"drill: into {place.called}: {place.why}")
        if place.here:
            _require_room(backup)
        tools = Path(sys.executable).parent
        trusted = {name: value for name, value in passed_on().items() if name.startswith("AWS_")}
        with scratch("drill-") as directory:
            async with place.open(directory / "postgres") as server:
                runner = HostRunner(directory, holds(server), progress, (tools,), directory)
                yield Site(runner, server, str(PROGRAM), sys.executable, trusted, place.called, ELSEWHERE)

    return site


async def own(_: Progress) -> Place:
    """Choose the PostgreSQL that comes with the pipeline: a rehearsal's database runs on one."""
    return replace(OWN, why="the database's own server is one too")


async def choose(image: str | None, server: NamedServer | None, progress: Progress) -> Place:
    """Return the server that is named, or the best one that can be had.

    Raises:
        ToolError: what is named cannot be had.
    """
    if server:
        return Place(f"the server {server.host}:{server.port}", "--server names it", partial(_named, server))
    if image:
        await get_image(image)
        return _in_container(image, "--image names it")
    return await _of_the_deployment(progress) or await _of_packages() or OWN


async def _of_the_deployment(progress: Progress) -> Place | None:
    image = deployed_image()
    if not await docker_answers():
        return None
    try:
        await get_image(image)
    except ToolError as error:
        progress.note(f"! drill: {error.what}, which would be the best server")
        return None
    return _in_container(image, "Docker answers, and it is the deployment's image")


async def _of_packages() -> Place | None:
    folder = await installed(MAJOR)
    why = "no container can be had"
    called = f"a throwaway PostgreSQL {MAJOR} of {folder}"
    return Place(called, why, partial(postgres, installed=folder), here=True) if folder else None


def deployed_image() -> str:
    """Return the image of the deployment's database."""
    return str(yaml.safe_load(IMAGES.read_text(encoding="utf-8"))["images"]["db"])


def _in_container(image: str, why: str) -> Place:
    return Place(f"a throwaway container of {image}", why, partial(postgres_in_container, image))


@asynccontextmanager
async def _named(server: NamedServer, _: Path) -> AsyncIterator[NamedServer]:
    yield await reach(server)


def _require_room(backup: Backup) -> None:
    needed = EMPTY_SERVER + backup.database_bytes + min(backup.database_bytes, WAL)
    require_room([temporary(needed, f"to restore {backup.id}")])
