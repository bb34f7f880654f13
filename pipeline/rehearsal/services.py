"""The surroundings of a rehearsal in containers: its servers as services, its workspace as a volume."""

import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
from anyio import to_thread

from pipeline.container import WORKSPACE, asked, outcome, tried
from pipeline.errors import ToolError
from pipeline.postgres import USER, Postgres
from pipeline.rehearsal.localstack import REGION, LocalStack, answers, asking
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.server import START_LIMIT
from pipeline.toolbox import CODE

if TYPE_CHECKING:
    import dagger

LOCALSTACK_PORT, POSTGRES_PORT = 4566, 5432
BINARIES = ("python", "-c", "from pipeline.postgres import binaries; print(binaries())")


@asynccontextmanager
async def servers(dag: "dagger.Client", toolbox: "dagger.Container", run: str) -> AsyncIterator[Surroundings]:
    """Run LocalStack and PostgreSQL beside the block, from the toolbox's own packages.

    Args:
        dag: Dagger's client.
        toolbox: has the packages.
        run: this run's own name: two runs have two of each server.

    Raises:
        ToolError: a server did not start.
    """
    code = toolbox.with_workdir(CODE).with_env_variable("PYTHONPATH", CODE).with_env_variable("RUN", run)
    password = secrets.token_urlsafe(18)
    held = dag.set_secret(f"rehearsal-{run}-PGPASSWORD", password)
    async with (
        _service(code, "localstack", LOCALSTACK_PORT) as aws,
        _service(code.with_secret_variable("PGPASSWORD", held), "postgres", POSTGRES_PORT) as database,
    ):
        emulator = LocalStack(f"http://{aws}:{LOCALSTACK_PORT}", REGION)
        await _until("LocalStack", partial(to_thread.run_sync, answers, asking(emulator)))
        bin_directory = Path(
            (await asked("PostgreSQL's programs", code.with_exec(list(BINARIES)).stdout())).strip()
        )
        server = Postgres(database, POSTGRES_PORT, USER, password, bin_directory)
        await _accepts(code, server)
        yield Surroundings(emulator, server, WORKSPACE)


@asynccontextmanager
async def _service(container: "dagger.Container", name: str, port: int) -> AsyncIterator[str]:
    """Run a server as a service beside the block; yield its IP address."""
    command = ["python", "-P", "-m", "pipeline.rehearsal.serve", name, str(port)]
    service = await asked(
        f"{name} as a service", container.with_exposed_port(port).as_service(args=command).start()
    )
    try:
        url = await service.endpoint(scheme="http")
        yield await to_thread.run_sync(address, url)
    finally:
        with anyio.CancelScope(shield=True):
            await service.stop(kill=True)


def address(url: str) -> str:
    """Return the IP address of a service: with one, S3 clients use path style.

    Raises:
        ToolError: its name is not known here.
    """
    host = urlsplit(url).hostname or ""
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise ToolError(f"the service {url} has no address: {error}", "restart the Dagger engine") from error


async def _accepts(container: "dagger.Container", server: Postgres) -> None:
    """Wait until the database accepts connections: an open port is not enough."""
    command = (str(server.bin / "pg_isready"), "-q", "-h", server.host, "-p", str(server.port))

    async def ready() -> bool:
        return (await outcome("PostgreSQL", tried(container, *command)))[0] == 0

    await _until("PostgreSQL", ready)


async def _until(name: str, ready: Callable[[], Awaitable[bool]]) -> None:
    with anyio.move_on_after(START_LIMIT):
        while True:
            if await ready():
                return
            await anyio.sleep(0.2)
    raise ToolError(
        f"{name} was not ready in {START_LIMIT:.0f} s", "give the engine more memory, then run again"
    )
