"""A server process that runs during a block of code, and always ends with it."""

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
from pipeline.machine.waiting import until

LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"  # noqa: S104 - a container of its own
START_LIMIT = 120.0
STOP_LIMIT = 15.0
REMEDY = "read its last lines, free memory or ports, then run again"
NEWS_LIMIT = 1.0
"""How many seconds to wait for a server's end after a failure: its client may notice the end first."""


def reached_at(listen: str) -> str:
    """Return the address at which this machine reaches a server.

    Args:
        listen: the address that the server listens on.
    """
    return LOOPBACK if listen == ANYWHERE else listen


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now."""
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
    """Run a server during the block. It also ends if the pipeline is killed.

    If the server ends first, the block is cancelled, and the error is that of the server.

    Args:
        name: the server's name, which users see.
        command: argv.
        env: the whole environment.
        log: the file for the server's output.
        ready: tells whether the server is ready; called again and again.
        stop: the signal that stops the server properly.

    Raises:
        ToolError: the server ended, or was not ready in time; the error has the log's last lines.
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
        async with _while_it_lives(name, process, log):
            yield
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process, stop)


async def _until_ready(name: str, process: Process, ready: Callable[[], Awaitable[bool]], log: Path) -> None:
    async def ready_or_ended() -> bool:
        return process.returncode is not None or await ready()

    in_time = await until(ready_or_ended, START_LIMIT)
    if process.returncode is not None:
        raise _ended(name, "while starting", process.returncode, log)
    if not in_time:
        what = f"{name} was not ready in {START_LIMIT:.0f} s"
        raise ToolError(what, REMEDY, _last_words(log))


@asynccontextmanager
async def _while_it_lives(name: str, process: Process, log: Path) -> AsyncIterator[None]:
    failed: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_at_the_end, process, group.cancel_scope)
        try:
            yield
        except Exception as error:  # the group would wrap it
            failed = error
            with anyio.move_on_after(NEWS_LIMIT, shield=True):
                await process.wait()
        group.cancel_scope.cancel()
    if process.returncode is not None:
        raise _ended(name, "too early", process.returncode, log) from failed
    if failed:
        raise failed


async def _cancel_at_the_end(process: Process, scope: anyio.CancelScope) -> None:
    await process.wait()
    scope.cancel()


def _ended(name: str, when: str, code: int, log: Path) -> ToolError:
    how = f"killed by {_signal(-code)}" if code < 0 else f"exit code {code}"
    return ToolError(f"{name} ended {when}: {how}", REMEDY, _last_words(log))


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])


async def _stop(process: Process, request: signal.Signals) -> None:
    for each in (request, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, each)
        with anyio.move_on_after(STOP_LIMIT):
            await process.wait()
            break
    with suppress(ProcessLookupError):  # processes that the server had started
        os.killpg(process.pid, signal.SIGKILL)
