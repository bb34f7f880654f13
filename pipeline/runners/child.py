"""A tool's process: when this one is killed it is asked to end, and can still say what it says."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, Process

GUARD = 'read -r pid && { read -r _ || kill -TERM "$pid"; }'
"""Reads the tool's id, then waits for the word that it has ended; if we are killed, it asks the tool to end.

The kernel's own signal for this (prctl(2), PR_SET_PDEATHSIG) comes once for every thread that we have.
OpenTofu takes a second one as an order to drop the state that it has not written; SIGKILL would do the same.
"""
LAST_WORDS = 1024**2
"""Bytes that a pipe holds when nobody reads it any more: pipe(7), /proc/sys/fs/pipe-max-size."""


class Pipe(ByteReceiveStream):
    """What a tool prints."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        with suppress(OSError):  # a user has a limit of all pipes together: then it holds less
            fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, LAST_WORDS)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return what was printed; at the end of it raise `anyio.EndOfStream`."""
        await anyio.wait_readable(self.reading)
        if chunk := os.read(self.reading, max_bytes):
            return chunk
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Close the end that is read."""
        os.close(self.reading)


@dataclass(frozen=True)
class Child:
    """A tool that runs.

    Args:
        process: its process, the first of a session and a process group of its own.
        out: what it prints.
        err: what it prints as errors.
        guard: asks it to end when this process is killed.
    """

    process: Process
    out: Pipe
    err: Pipe
    guard: Process

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """Attend it in a block: it is waited for and its pipes are closed, whatever ends the block."""
        async with self.out, self.err, self.guard:
            try:
                async with self.process:
                    yield
            finally:
                await _tell(self.guard, "ended")


async def start(command: tuple[str, ...], cwd: Path, env: Mapping[str, str], umask: int) -> Child:
    """Start a tool.

    It holds the reading ends of its own pipes: a Go program such as OpenTofu dies at the first word that
    nobody can read (os/signal, "SIGPIPE"), and would leave an empty state when this process is killed.

    Args:
        command: argv.
        cwd: its folder.
        env: its whole environment.
        umask: its umask.

    Raises:
        OSError: it cannot be started.
    """
    guard, out, err = await _start_guard(), Pipe(), Pipe()
    try:
        process = await anyio.open_process(
            command,
            cwd=cwd,
            env=env,
            stdout=out.writing,
            stderr=err.writing,
            pass_fds=(out.reading, err.reading),
            start_new_session=True,
            umask=umask,
        )
    except BaseException:
        os.close(out.reading)
        os.close(err.reading)
        await guard.aclose()
        raise
    finally:
        os.close(out.writing)
        os.close(err.writing)
    await _tell(guard, str(process.pid))
    return Child(process, out, err, guard)


async def _start_guard() -> Process:
    command, nowhere = ("/bin/sh", "-c", GUARD), subprocess.DEVNULL
    return await anyio.open_process(command, stdout=nowhere, stderr=nowhere, cwd="/", start_new_session=True)


async def _tell(guard: Process, word: str) -> None:
    assert guard.stdin is not None  # noqa: S101 - a pipe is what open_process makes
    with anyio.CancelScope(shield=True), suppress(anyio.BrokenResourceError):
        await guard.stdin.send(f"{word}\n".encode())


def is_runnable(command: str, cwd: Path, path: str) -> bool:
    """Tell whether a command can be executed: what starts it would say so in its own words.

    Args:
        command: its name, or its path.
        cwd: the folder in which it is started.
        path: the directories that are searched for a name.
    """
    return shutil.which(str(cwd / command) if os.sep in command else command, path=path) is not None
