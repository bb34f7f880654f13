"""A PostgreSQL in a container of an image: the deployment's own has what the database's server has."""

import os
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import move_on_after

from pipeline.errors import ToolError
from pipeline.machine.waiting import until
from pipeline.runners.cleanup import afterwards
from pipeline.servers.docker import docker, inspect_images
from pipeline.servers.postgres import USER
from pipeline.servers.process import LOOPBACK, serving

ANSWER_LIMIT = 10.0
"""Seconds that the daemon has to say that it is there."""
REMOVAL_LIMIT = 30.0
OF_DOCKER = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
"""What leads its command to the daemon."""
IMAGE_FIX = "start Docker, check the image's name, or see what Docker says"


@dataclass(frozen=True)
class Contained:
    """A PostgreSQL that is reached in its container alone, where its own clients are.

    Args:
        container: its name.
        password: none: the container's own users need none.
    """

    container: str
    password: str = ""

    @property
    def settings(self) -> Mapping[str, str]:
        """What the node's program has to know to use it."""
        return {"PG_CONTAINER": self.container, "PGUSER": USER, **_way_to_the_daemon()}


async def docker_answers() -> bool:
    """Tell whether there is a Docker daemon for this user."""
    with move_on_after(ANSWER_LIMIT):
        try:
            await docker("version", "--format", "{{.Server.Version}}")
        except ToolError:
            return False
        return True
    return False


async def get_image(image: str) -> None:
    """Make sure that Docker has an image; one that it has is left as it is.

    Raises:
        ToolError: it has none, and cannot get it.
    """
    if image in await inspect_images([image]):
        return
    try:
        await docker("pull", "--quiet", image)
    except ToolError as error:
        raise ToolError(f"Docker cannot get the image {image}", IMAGE_FIX, error.tail) from error


@asynccontextmanager
async def postgres_in_container(image: str, directory: Path) -> AsyncIterator[Contained]:
    """Run a fresh PostgreSQL in a container beside the block. It has no network, and goes with its data.

    Args:
        image: PostgreSQL's own, or one that is made of it: it takes POSTGRES_USER and POSTGRES_PASSWORD.
        directory: an own directory for its log.

    Raises:
        ToolError: it did not start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    server = Contained(f"quickdata-drill-{secrets.token_hex(4)}")
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | _way_to_the_daemon()
    env |= {"POSTGRES_USER": USER, "POSTGRES_PASSWORD": secrets.token_urlsafe(18)}
    ready = partial(_accepts, server.container)
    async with (
        afterwards(partial(_remove, server.container)),
        serving("PostgreSQL", _command(server, image), env, directory / "log", ready, signal.SIGINT),
    ):
        yield server


def _command(server: Contained, image: str) -> tuple[str, ...]:
    """Return what runs it. Docker's command hands SIGINT on: it ends PostgreSQL when we are killed."""
    docker_run = ("setpriv", "--pdeathsig", "INT", shutil.which("docker") or "docker", "run", "--rm")
    options = ("--name", server.container, "--network=none", "--shm-size=256m")
    inputs = ("--env=POSTGRES_USER", "--env=POSTGRES_PASSWORD")
    return (*docker_run, *options, *inputs, image, "-c", "fsync=off", "-c", f"listen_addresses={LOOPBACK}")


async def _accepts(container: str) -> bool:
    """Tell whether it is ready. While the data are prepared, a server runs that only the socket reaches."""
    try:
        await docker("exec", container, "pg_isready", "--quiet", "--host", LOOPBACK)
    except ToolError:
        return False
    return True


async def _remove(container: str) -> None:
    if not await until(partial(_is_gone, container), REMOVAL_LIMIT):
        what = f"the container {container} could not be removed"
        raise ToolError(what, f"docker rm --force --volumes {container}")


async def _is_gone(container: str) -> bool:
    try:
        if await docker("ps", "--all", "--quiet", "--filter", f"name=^{container}$"):
            await docker("rm", "--force", "--volumes", container)
            return False
    except ToolError:
        return False
    return True


def _way_to_the_daemon() -> dict[str, str]:
    """Return the variables of Docker's command. A step has another HOME, where its contexts are not."""
    found = {name: os.environ[name] for name in OF_DOCKER if os.environ.get(name)}
    own = Path.home() / ".docker"
    return ({"DOCKER_CONFIG": str(own)} if own.is_dir() else {}) | found
