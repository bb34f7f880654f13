"""The servers of a rehearsal or a drill, as services that run in the toolbox."""

import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio import to_thread

from pipeline.containers.toolbox import CODE
from pipeline.errors import PipelineError, ToolError
from pipeline.machine.waiting import until
from pipeline.runners.cleanup import afterwards
from pipeline.runners.container import ask_engine, outcome, tried
from pipeline.servers.localstack import REGION, LocalStack, answers, sts_client
from pipeline.servers.postgres import USER, Postgres
from pipeline.servers.process import START_LIMIT

if TYPE_CHECKING:
    import dagger

LOCALSTACK_PORT, POSTGRES_PORT = 4566, 5432
CALLER = "caller"
"""The name of the caller's service for a forwarder."""
REMEDY = "read its last lines in the engine's output, give the engine more memory, then run again"
BINARIES = ("python", "-c", "from pipeline.servers.postgres import binaries; print(binaries())")


@asynccontextmanager
async def localstack(toolbox: "dagger.Container", run: str) -> AsyncIterator[LocalStack]:
    """Run LocalStack during the block, from the packages in the toolbox.

    Args:
        toolbox: the container with the packages.
        run: the unique name of this run: each run has its own server.

    Raises:
        ToolError: LocalStack did not start.
    """
    async with _service(_code(toolbox, run), "localstack", LOCALSTACK_PORT) as host:
        server = LocalStack(f"http://{host}:{LOCALSTACK_PORT}", REGION)
        async with _answering("LocalStack", partial(to_thread.run_sync, answers, sts_client(server))):
            yield server


@asynccontextmanager
async def postgres(dag: "dagger.Client", toolbox: "dagger.Container", run: str) -> AsyncIterator[Postgres]:
    """Run PostgreSQL during the block, from the packages in the toolbox.

    Args:
        dag: Dagger's client, for the password.
        toolbox: the container with the packages.
        run: the unique name of this run.

    Raises:
        ToolError: PostgreSQL did not start.
    """
    code, password = _code(toolbox, run), secrets.token_urlsafe(18)
    secret = dag.set_secret(f"{run}-PGPASSWORD", password)
    async with _service(code.with_secret_variable("PGPASSWORD", secret), "postgres", POSTGRES_PORT) as host:
        programs = await ask_engine("PostgreSQL's programs", code.with_exec(list(BINARIES)).stdout())
        server = Postgres(host, POSTGRES_PORT, USER, password, Path(programs.strip()))
        async with _answering("PostgreSQL", partial(_accepts, code, server)):
            yield server


@asynccontextmanager
async def forwarder(
    toolbox: "dagger.Container", run: str, service: "dagger.Service"
) -> AsyncIterator[tuple[str, int]]:
    """Run a forwarder to a service of the caller during the block; yield its IP address and port.

    The engine routes the address of such a service to the module, but not to containers.

    Args:
        toolbox: the container with the packages.
        run: the unique name of this run.
        service: the caller's service, which is still running after the call.

    Raises:
        ToolError: the service or the forwarder cannot be reached.
    """
    await ask_engine("the caller's service", service.start())
    url = urlsplit(await ask_engine("the caller's service", service.endpoint(scheme="tcp")))
    port = url.port or LOCALSTACK_PORT
    code = _code(toolbox, run).with_service_binding(CALLER, service)
    async with _service(code, "forwarder", port, f"{CALLER}:{port}") as host:
        yield host, port


def _code(toolbox: "dagger.Container", run: str) -> "dagger.Container":
    return toolbox.with_workdir(CODE).with_env_variable("PYTHONPATH", CODE).with_env_variable("RUN", run)


@asynccontextmanager
async def _service(container: "dagger.Container", name: str, port: int, *options: str) -> AsyncIterator[str]:
    """Run a server as a service during the block; yield its IP address."""
    command = ["python", "-P", "-m", "pipeline.servers", name, str(port), *options]
    service = await ask_engine(
        f"{name} as a service", container.with_exposed_port(port).as_service(args=command).start()
    )
    async with afterwards(partial(_stop, service, name)):
        url = await ask_engine(f"{name}'s address", service.endpoint(scheme="http"))
        yield await to_thread.run_sync(address, url)


async def _stop(service: "dagger.Service", name: str) -> None:
    await ask_engine(f"{name} stopped", service.stop(kill=True))


def address(url: str) -> str:
    """Return the IP address of a service: with an IP address, S3 clients use path style.

    Raises:
        ToolError: the service's name cannot be resolved.
    """
    host = urlsplit(url).hostname or ""
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise ToolError(f"the service {url} has no address: {error}", "restart the Dagger engine") from error


async def _accepts(container: "dagger.Container", server: Postgres) -> bool:
    """Tell whether the database accepts connections: an open port is not enough."""
    command = (str(server.bin / "pg_isready"), "-q", "-h", server.host, "-p", str(server.port))
    return (await outcome("PostgreSQL", tried(container, *command)))[0] == 0


@asynccontextmanager
async def _answering(name: str, ready: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    """Run the block when the server answers. If the block fails because the server ended, say so."""
    if not await until(ready, START_LIMIT):
        raise ToolError(f"{name} was not ready in {START_LIMIT:.0f} s", REMEDY)
    try:
        yield
    except Exception as error:
        if not await _still(ready):
            raise ToolError(f"{name} ended too early: its service no longer answers", REMEDY) from error
        raise


async def _still(ready: Callable[[], Awaitable[bool]]) -> bool:
    """Tell whether a server still answers. If this cannot be found out, the block's own error is shown."""
    try:
        return await ready()
    except PipelineError:
        return True
