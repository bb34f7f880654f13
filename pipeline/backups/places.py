"""The PostgreSQL server into which a drill restores, when it runs on this machine."""

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
    "use a server that has it: `quickdata drill --image IMAGE` or `quickdata drill --server HOST:PORT`;"
    " if Docker runs, a drill without these options uses the deployment's image"
)
EMPTY_SERVER = 64 * 1024**2
"""The bytes of a PostgreSQL 18 without data, with the first segments of its write-ahead log."""
WAL = 1024**3
"""The most bytes of write-ahead log in a restore: max_wal_size's default (PostgreSQL's documentation)."""


@dataclass(frozen=True)
class Place:
    """A server that a drill can use.

    Args:
        called: the server's description.
        why: why it was chosen.
        open: runs the server during a block; it gets a directory of its own.
        here: whether the server's data is in that directory.
    """

    called: str
    why: str
    open: Callable[[Path], AbstractAsyncContextManager[Server]]
    here: bool = False


OWN = Place(
    "the PostgreSQL that comes with the pipeline",
    f"there is neither Docker with the deployment's image nor an installed PostgreSQL {MAJOR}",
    postgres,
    here=True,
)


def on_this_machine(image: str | None = None, server: NamedServer | None = None) -> OpenSite:
    """Return a function that opens a drill's site on this machine.

    Args:
        image: run the server as a container of this image.
        server: use this running server. Without both, the best available server is used.
    """
    return at(partial(choose, image, server))


def at(choice: Callable[[Progress], Awaitable[Place]]) -> OpenSite:
    """Return a function that opens a drill's site in a directory that is removed afterwards.

    Args:
        choice: chooses the server.
    """

    @asynccontextmanager
    async def site(holds: Holds, backup: Backup, progress: Progress) -> AsyncIterator[Site]:
        place = await choice(progress)
        progress.note(f"drill: restores into {place.called}: {place.why}")
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
    """Choose the PostgreSQL that comes with the pipeline: the database of a rehearsal runs on one too."""
    return replace(OWN, why="the rehearsal's database runs on one too")


async def choose(image: str | None, server: NamedServer | None, progress: Progress) -> Place:
    """Return the named server, or the best available one.

    Raises:
        ToolError: the named image or server is not available.
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
        progress.note(f"! drill: the deployment's image would be the best server, but {error.what}")
        return None
    return _in_container(image, "Docker runs and has the deployment's image")


async def _of_packages() -> Place | None:
    folder = await installed(MAJOR)
    why = "Docker or the deployment's image is not available"
    called = f"a throwaway PostgreSQL {MAJOR} from {folder}"
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
