"""A server process that lives as long as a block of code, whatever ends that block."""

import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.abc import Process

from pipeline.errors import ToolError

LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"  # noqa: S104 - a container of its own
START_LIMIT = 120.0
STOP_LIMIT = 15.0


def reached_at(listen: str) -> str:
    """Return the address at which this machine reaches a server.

    Args:
        listen: the address that it listens on.
    """
    return LOOPBACK if listen == ANYWHERE else listen


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(
    name: str,
    command: tuple[str, ...],
    env: Mapping[str, str],
    log: Path,
    ready: Callable[[], Awaitable[bool]],
    stop: signal.Signals = signal.SIGTERM,
) -> AsyncIterator[None]:
    """Run a server beside the block; it also dies when this process is killed.

    Args:
        name: what people call it.
        command: argv.
        env: its whole environment.
        log: file that takes what it prints.
        ready: asked again and again until it says yes.
        stop: the signal that ends it in good order.

    Raises:
        ToolError: the server ended, or was not ready in time; the log's last lines follow.
    """
    with log.open("wb") as output:
        process = await anyio.open_process(
            ("setpriv", "--pdeathsig", "KILL", *command),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        await _until_ready(name, process, ready, log)
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process, stop)


async def _until_ready(name: str, process: Process, ready: Callable[[], Awaitable[bool]], log: Path) -> None:
    with anyio.move_on_after(START_LIMIT):
        while process.returncode is None:
            if await ready():
                return
            await anyio.sleep(0.1)
    what = (
        f"{name} ended" if process.returncode is not None else f"{name} was not ready in {START_LIMIT:.0f} s"
    )
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    raise ToolError(f"{what} while starting", "free memory or ports, then run again", tail)


async def _stop(process: Process, request: signal.Signals) -> None:
    for each in (request, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, each)
        with anyio.move_on_after(STOP_LIMIT):
            await process.wait()
            break
    with suppress(ProcessLookupError):  # what the server itself had started
        os.killpg(process.pid, signal.SIGKILL)
