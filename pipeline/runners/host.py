"""The runner that executes steps as processes on this machine."""

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import anyio
import anyio.lowlevel
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.text import TextReceiveStream

from pipeline.errors import ToolError
from pipeline.machine.files import write_whole
from pipeline.machine.network import passed_on, passwords
from pipeline.reporting.progress import Progress
from pipeline.runners.child import Child, is_runnable, start
from pipeline.runners.sessions import LIMIT, find_sessions, wait_until_left
from pipeline.steps.masks import Masks
from pipeline.steps.output import Reader
from pipeline.steps.step import Result, Step

STATE_LIMIT = 120.0
"""How many seconds an interrupted tool gets to write its state, before SIGTERM is sent."""

ANSWERED = 3.0
"""After so many seconds, AWS has answered a request to create a resource, and the state has the new id."""

SETTLING = 20.0
"""The most seconds to hold back an interrupt until the tool's requests are answered."""

LAST_WORDS = 5.0
"""How many seconds to read the remaining output of a tool that has ended."""

ENDING_LIMIT = SETTLING + 2 * STATE_LIMIT + LIMIT + LAST_WORDS
"""Seconds at most from an interrupt to the end of a step."""

PRIVATE = 0o077
"""The umask of every step: only this user can read states, plans and rendered files."""


@dataclass
class Heard:
    """The output of a running tool so far."""

    reader: Reader
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    scope: anyio.CancelScope = field(default_factory=lambda: anyio.CancelScope(shield=True))


class HostRunner:
    """Runs steps as processes in one workspace.

    Args:
        root: the absolute path of the workspace.
        secrets: values by name; never logged, never in argv.
        progress: shows notes and steps to the user.
        path: directories to search for tools, before PATH.
        home: HOME of the steps; a rehearsal has its own, without ~/.aws and similar files.
    """

    def __init__(
        self,
        root: Path,
        secrets: Mapping[str, str],
        progress: Progress,
        path: tuple[Path, ...] = (),
        home: Path | None = None,
    ) -> None:
        self._root, self._secrets, self._progress = root, dict(secrets), progress
        network = passed_on()
        self._masks = Masks({**secrets, **{each: each for each in passwords(network.values())}})
        search = os.pathsep.join([*map(str, path), os.environ.get("PATH", os.defpath)])
        own = {"PATH": search, "HOME": str(home or Path.home()), "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
        self._base = {**network, **own}

    @property
    def root(self) -> PurePosixPath:
        """The workspace's absolute path."""
        return PurePosixPath(self._root)

    async def run(self, step: Step) -> Result:
        """Run the step as a process in its own session, so that only the runner sends it a Ctrl-C."""
        started = time.monotonic()
        self._progress.begin_step(step)
        result: Result | None = None
        files: dict[str, Path] = {}
        try:
            self._lay_down(step, files)
            await anyio.lowlevel.checkpoint()
            with anyio.CancelScope(
                shield=True
            ):  # a process that is cancelled while it starts would be killed
                child = await self._open(step, {**self._env(step), **{n: str(p) for n, p in files.items()}})
            async with child.attended():
                result = await self._attend(child, step, started)
        finally:
            for path in files.values():
                path.unlink(missing_ok=True)
            self._progress.end_step(step, result)
        return result

    async def write(self, path: PurePosixPath, text: str, mode: int = 0o644) -> None:
        """Write a file in the workspace completely, or not at all."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, text, mode)

    async def read(self, path: PurePosixPath) -> str | None:
        """Return a file's text; None if it does not exist. Bytes that are not UTF-8 are replaced by marks."""
        target = anyio.Path(self._root / path)
        return await target.read_text(encoding="utf-8", errors="replace") if await target.exists() else None

    async def remove(self, path: PurePosixPath) -> None:
        """Remove a file in the workspace, if it exists."""
        await anyio.Path(self._root / path).unlink(missing_ok=True)

    def mask(self, text: str) -> str:
        """Return the text with every secret value masked."""
        return self._masks.cover(text)

    def _env(self, step: Step) -> dict[str, str]:
        return {**self._base, **step.env, **{name: self._secrets[name] for name in step.secrets}}

    def _lay_down(self, step: Step, files: dict[str, Path]) -> None:
        for name in step.secret_files:
            path = self._root / ".secrets" / f"{name}.{os.getpid()}.{id(step):x}"
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            files[name] = path
            with os.fdopen(descriptor, "w") as file:
                file.write(self._secrets[name])

    async def _open(self, step: Step, env: Mapping[str, str]) -> Child:
        tool, folder = step.command[0], self._root / step.workdir
        if not is_runnable(tool, folder, env["PATH"]):
            what = f"{step.name}: {tool} is not installed, or may not be executed"
            raise ToolError(what, "run `make install`, which installs every tool")
        try:
            return await start(step.command, folder, env, PRIVATE)
        except FileNotFoundError as error:  # a script whose interpreter does not exist
            what = f"{step.name}: {tool} cannot be started: {error.strerror}: {error.filename}"
            raise ToolError(what, "run `make install`, which installs every tool") from None

    async def _attend(self, child: Child, step: Step, started: float) -> Result:
        """Read the tool's output until the tool ends; pass an interrupt to the tool, and read on."""
        process, heard = child.process, Heard(Reader(step.stream))
        async with anyio.create_task_group() as group:
            group.start_soon(self._hear, child, step, heard)
            try:
                await _feed(process, step.stdin or "")
                await process.wait()
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    if step.creates:
                        await _settle(process, heard.reader)
                    await _end(process)
                heard.scope.deadline = anyio.current_time() + LAST_WORDS
                raise
        code, seconds = process.returncode or 0, time.monotonic() - started
        printed, err = "".join(heard.out), self.mask("".join(heard.err))
        out = printed if step.private and code == 0 else self.mask(printed)
        return Result(step, code, out, err, seconds, heard.reader.summary)

    async def _hear(self, child: Child, step: Step, heard: Heard) -> None:
        with heard.scope:
            async with anyio.create_task_group() as group:
                group.start_soon(self._follow, child.out, step, heard.reader, heard.out)
                group.start_soon(self._follow, child.err, step, Reader("text"), heard.err)

    async def _follow(self, pipe: ByteReceiveStream, step: Step, reader: Reader, into: list[str]) -> None:
        rest = ""
        async for chunk in TextReceiveStream(pipe, errors="replace"):
            *lines, rest = (rest + chunk).split("\n")
            for line in lines:
                self._take(line + "\n", step, reader, into)
        if rest:
            self._take(rest, step, reader, into)

    def _take(self, line: str, step: Step, reader: Reader, into: list[str]) -> None:
        masked = self.mask(line)
        into.append(line if step.private else masked)
        activity = reader.feed(masked) or ""
        self._progress.show_activity(step, "" if step.private else activity, masked.rstrip(), reader.stream)


async def _feed(process: Process, text: str) -> None:
    assert process.stdin is not None  # noqa: S101 - open_process always makes a pipe
    with suppress(anyio.BrokenResourceError):  # a tool may end before it has read its whole input
        await process.stdin.send(text.encode())
    await process.stdin.aclose()


async def _settle(process: Process, reader: Reader) -> None:
    """Wait until the tool has begun, and has sent no new request for a moment.

    OpenTofu ignores an interrupt before its first resource, and applies everything. An interrupt during a
    request cuts the request off: then AWS creates a resource that is not in the state.
    """
    before = 0
    with anyio.move_on_after(SETTLING):
        while reader.begun == 0 or reader.begun != before:
            before = reader.begun
            with anyio.move_on_after(ANSWERED):
                await process.wait()
                return


async def _end(process: Process) -> None:
    """Ask a tool to stop, and wait for the tool and for all processes that it started.

    The tool is never killed: a killed OpenTofu leaves an empty state behind. Its processes must end too, so
    that nothing writes to a node after the run.
    """
    sessions = find_sessions(process.pid)
    for request in (signal.SIGINT, signal.SIGTERM):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with anyio.move_on_after(STATE_LIMIT):
            await process.wait()
            break
    await wait_until_left(sessions)
