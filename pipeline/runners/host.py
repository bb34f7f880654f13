"""The runner that executes steps as processes of this machine."""

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
"""Seconds that an interrupted tool has to write its state before it is asked again, by SIGTERM."""

ANSWERED = 3.0
"""Seconds after which AWS has answered the request that creates something: then the state knows its id."""

SETTLING = 20.0
"""Seconds at most that an interrupt is kept from a tool until its requests are answered."""

LAST_WORDS = 5.0
"""Seconds for what a tool that has ended left in its pipes."""

ENDING_LIMIT = SETTLING + 2 * STATE_LIMIT + LIMIT + LAST_WORDS
"""Seconds at most from an interrupt to the end of a step."""

PRIVATE = 0o077
"""The umask of every step: states, plans and rendered files are nobody else's."""


@dataclass
class Heard:
    """What a running tool has said so far."""

    reader: Reader
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    scope: anyio.CancelScope = field(default_factory=lambda: anyio.CancelScope(shield=True))


class HostRunner:
    """Runs steps as processes below one directory.

    Args:
        root: the workspace, absolute.
        secrets: values by name; never logged, never in argv.
        progress: told of everything that happens.
        path: directories searched for tools before the system's own.
        home: HOME of the steps; an own one keeps ~/.aws and the like out of a rehearsal.
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
        """Run the step as a process of its own session, so that a Ctrl-C reaches it once, from here."""
        started = time.monotonic()
        self._progress.begin_step(step)
        result: Result | None = None
        files: dict[str, Path] = {}
        try:
            self._lay_down(step, files)
            await anyio.lowlevel.checkpoint()
            with anyio.CancelScope(shield=True):  # cancelled while it starts, it would be killed
                child = await self._open(step, {**self._env(step), **{n: str(p) for n, p in files.items()}})
            async with child.attended():
                result = await self._attend(child, step, started)
        finally:
            for path in files.values():
                path.unlink(missing_ok=True)
            self._progress.end_step(step, result)
        return result

    async def write(self, path: PurePosixPath, text: str, mode: int = 0o644) -> None:
        """Write a file below the workspace, whole or not at all."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, text, mode)

    async def read(self, path: PurePosixPath) -> str | None:
        """Return a file's text, None when there is none; what is not text has marks for its bytes."""
        target = anyio.Path(self._root / path)
        return await target.read_text(encoding="utf-8", errors="replace") if await target.exists() else None

    async def remove(self, path: PurePosixPath) -> None:
        """Remove a file below the workspace, if it is there."""
        await anyio.Path(self._root / path).unlink(missing_ok=True)

    def mask(self, text: str) -> str:
        """Return the text with every secret value that is in it covered."""
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
            what = f"{step.name}: {tool} is not on this machine, or may not be executed"
            raise ToolError(what, "run `make install`, which installs every tool")
        try:
            return await start(step.command, folder, env, PRIVATE)
        except FileNotFoundError as error:  # a script whose interpreter is gone
            what = f"{step.name}: it cannot be started: {error.strerror}: {error.filename}"
            raise ToolError(what, "run `make install`, which installs every tool") from None

    async def _attend(self, child: Child, step: Step, started: float) -> Result:
        """Read what the tool says until it ends; an interrupt goes to the tool, and it is heard out."""
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
    assert process.stdin is not None  # noqa: S101 - a pipe is what open_process makes
    with suppress(anyio.BrokenResourceError):  # a tool may end without reading all of it
        await process.stdin.send(text.encode())
    await process.stdin.aclose()


async def _settle(process: Process, reader: Reader) -> None:
    """Wait until the tool has begun and has asked for nothing new for a moment.

    OpenTofu forgets an interrupt that comes before it works on the first resource, and applies to the end.
    One that comes while a request is on its way cuts that off: AWS creates what no state then knows.
    """
    before = 0
    with anyio.move_on_after(SETTLING):
        while reader.begun == 0 or reader.begun != before:
            before = reader.begun
            with anyio.move_on_after(ANSWERED):
                await process.wait()
                return


async def _end(process: Process) -> None:
    """Ask a tool to stop, and wait for it and for all that it started.

    A killed OpenTofu leaves an empty state behind. And no run that has ended may still write to a node.
    """
    sessions = find_sessions(process.pid)
    for request in (signal.SIGINT, signal.SIGTERM):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with anyio.move_on_after(STATE_LIMIT):
            await process.wait()
            break
    await wait_until_left(sessions)
