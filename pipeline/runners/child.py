"""A tool's process. If the pipeline is killed, the tool is asked to end, and can still write its output."""

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
"""Reads the tool's process id, then a line when the tool has ended. It sends SIGTERM if that line is missing.

The kernel's signal for this (prctl(2), PR_SET_PDEATHSIG) comes once for every thread of the pipeline. On a
second signal, OpenTofu drops the state that it has not written yet. SIGKILL would have the same effect.
"""
LAST_WORDS = 1024**2
"""The bytes that a pipe can hold when nobody reads it any more: pipe(7), /proc/sys/fs/pipe-max-size."""


class Pipe(ByteReceiveStream):
    """The output of a tool."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        with suppress(OSError):  # all pipes of a user share a limit: beyond that, this pipe can hold less
            fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, LAST_WORDS)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return the next output; at the end raise `anyio.EndOfStream`."""
        await anyio.wait_readable(self.reading)
        if chunk := os.read(self.reading, max_bytes):
            return chunk
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Close the reading end."""
        os.close(self.reading)


@dataclass(frozen=True)
class Child:
    """A running tool.

    Args:
        process: the tool's process; it leads its own session and process group.
        out: the standard output.
        err: the error output.
        guard: asks the tool to end if the pipeline is killed.
    """

    process: Process
    out: Pipe
    err: Pipe
    guard: Process

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """Run a block; afterwards always wait for the tool and close its pipes."""
        async with self.out, self.err, self.guard:
            try:
                async with self.process:
                    yield
            finally:
                await _tell(self.guard, "ended")


async def start(command: tuple[str, ...], cwd: Path, env: Mapping[str, str], umask: int) -> Child:
    """Start a tool.

    The tool also holds the reading ends of its own pipes. Otherwise, if the pipeline is killed, a Go program
    such as OpenTofu dies at its next output (os/signal, "SIGPIPE") and leaves an empty state.

    Args:
        command: argv.
        cwd: the working directory.
        env: the whole environment.
        umask: the umask.

    Raises:
        OSError: the tool cannot be started.
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
    assert guard.stdin is not None  # noqa: S101 - open_process always makes a pipe
    with anyio.CancelScope(shield=True), suppress(anyio.BrokenResourceError):
        await guard.stdin.send(f"{word}\n".encode())


def is_runnable(command: str, cwd: Path, path: str) -> bool:
    """Tell whether a command can be executed, so that a missing tool gets a clear error.

    Args:
        command: the command's name or path.
        cwd: the directory in which it is started.
        path: the directories to search for a name, as in PATH.
    """
    return shutil.which(str(cwd / command) if os.sep in command else command, path=path) is not None
