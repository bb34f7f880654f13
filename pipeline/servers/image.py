"""A throwaway PostgreSQL in a container, such as one of the deployment's own image."""

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
"""How many seconds to wait for the Docker daemon's answer."""
REMOVAL_LIMIT = 30.0
OF_DOCKER = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
"""The variables with which Docker's command finds the daemon."""
IMAGE_FIX = "start Docker, check the image's name, or fix the problem that Docker reports"


@dataclass(frozen=True)
class Contained:
    """A PostgreSQL that can only be reached inside its container, with the clients there.

    Args:
        container: the container's name.
        password: empty: inside the container, no password is needed.
    """

    container: str
    password: str = ""

    @property
    def settings(self) -> Mapping[str, str]:
        """The variables with which the node's program finds the server."""
        return {"PG_CONTAINER": self.container, "PGUSER": USER, **_way_to_the_daemon()}


async def docker_answers() -> bool:
    """Tell whether this user can reach a Docker daemon."""
    with move_on_after(ANSWER_LIMIT):
        try:
            await docker("version", "--format", "{{.Server.Version}}")
        except ToolError:
            return False
        return True
    return False


async def get_image(image: str) -> None:
    """Make sure that Docker has an image. An image that Docker has already is not updated.

    Raises:
        ToolError: Docker does not have the image, and cannot pull it.
    """
    if image in await inspect_images([image]):
        return
    try:
        await docker("pull", "--quiet", image)
    except ToolError as error:
        raise ToolError(f"Docker cannot get the image {image}", IMAGE_FIX, error.tail) from error


@asynccontextmanager
async def postgres_in_container(image: str, directory: Path) -> AsyncIterator[Contained]:
    """Run a new PostgreSQL in a container during the block. It has no network, and is removed with its data.

    Args:
        image: the official PostgreSQL image, or one built on it, with POSTGRES_USER and POSTGRES_PASSWORD.
        directory: a directory of its own, for the log.

    Raises:
        ToolError: the server did not start.
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
    """Return the command. Docker's client passes SIGINT on, so PostgreSQL ends if the pipeline is killed."""
    docker_run = ("setpriv", "--pdeathsig", "INT", shutil.which("docker") or "docker", "run", "--rm")
    options = ("--name", server.container, "--network=none", "--shm-size=256m")
    inputs = ("--env=POSTGRES_USER", "--env=POSTGRES_PASSWORD")
    return (*docker_run, *options, *inputs, image, "-c", "fsync=off", "-c", f"listen_addresses={LOOPBACK}")


async def _accepts(container: str) -> bool:
    """Tell whether the server is ready by TCP: while it prepares its data, it only answers on its socket."""
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
    """Return the variables for Docker's command, with its configuration: a step has another HOME."""
    found = {name: os.environ[name] for name in OF_DOCKER if os.environ.get(name)}
    own = Path.home() / ".docker"
    return ({"DOCKER_CONFIG": str(own)} if own.is_dir() else {}) | found
