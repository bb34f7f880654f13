"""The runner that executes steps as processes of this machine."""

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.text import TextReceiveStream

from pipeline.errors import ToolError
from pipeline.progress import Progress
from pipeline.step import Result, Step
from pipeline.stream import Reader

PATIENCE = 120.0
"""Seconds that an interrupted tool has to write its state before it is asked again, by SIGTERM."""

PRIVATE = 0o077
"""The umask of every step: states, plans and rendered files are nobody else's."""

MASK = "********"


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
        search = os.pathsep.join([*map(str, path), os.environ.get("PATH", os.defpath)])
        self._base = {"PATH": search, "HOME": str(home or Path.home()), "LC_ALL": "C.UTF-8"}

    @property
    def root(self) -> PurePosixPath:
        """The workspace's absolute path."""
        return PurePosixPath(self._root)

    async def run(self, step: Step) -> Result:
        """Run the step as a process of its own session, so that a Ctrl-C reaches it once, from here."""
        started = time.monotonic()
        self._progress.started(step)
        result: Result | None = None
        files = self._lay_down(step)
        try:
            process = await self._open(step, {**self._env(step), **{n: str(p) for n, p in files.items()}})
            async with process:
                result = await self._attend(process, step, started)
        finally:
            for path in files.values():
                path.unlink(missing_ok=True)
            self._progress.finished(step, result)
        return result

    async def write(self, path: PurePosixPath, text: str, mode: int = 0o644) -> None:
        """Write a file below the workspace, whole or not at all."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
        draft.touch(mode)
        draft.chmod(mode)
        await anyio.Path(draft).write_text(text, encoding="utf-8")
        draft.replace(target)

    async def read(self, path: PurePosixPath) -> str | None:
        """Return a file's text, None when there is none."""
        target = anyio.Path(self._root / path)
        return await target.read_text(encoding="utf-8") if await target.exists() else None

    def mask(self, text: str) -> str:
        """Return the text with every secret value that is in it covered."""
        for value in self._secrets.values():
            for form in {value, quote(value, safe="")}:
                text = text.replace(form, MASK) if len(form) > 3 else text  # noqa: PLR2004
        return text

    def _env(self, step: Step) -> dict[str, str]:
        return {**self._base, **step.env, **{name: self._secrets[name] for name in step.secrets}}

    def _lay_down(self, step: Step) -> dict[str, Path]:
        files = {}
        for name in step.secret_files:
            path = self._root / ".secrets" / f"{name}.{os.getpid()}.{id(step):x}"
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "w") as file:
                file.write(self._secrets[name])
            files[name] = path
        return files

    async def _open(self, step: Step, env: Mapping[str, str]) -> Process:
        try:
            return await anyio.open_process(
                step.command, cwd=self._root / step.workdir, env=env, start_new_session=True, umask=PRIVATE
            )
        except FileNotFoundError as error:
            what = f"{step.name}: {error.filename} is not on this machine"
            raise ToolError(what, "run `make install`, which installs every tool") from error

    async def _attend(self, process: Process, step: Step, started: float) -> Result:
        reader, out, err = Reader(step.stream), list[str](), list[str]()
        assert process.stdout is not None  # noqa: S101 - pipes are what open_process makes
        assert process.stderr is not None  # noqa: S101
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._follow, process.stdout, step, reader, out)
                group.start_soon(self._follow, process.stderr, step, Reader("text"), err)
                await _feed(process, step.stdin or "")
                await process.wait()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await _end(process)
            raise
        code, seconds = process.returncode or 0, time.monotonic() - started
        return Result(step, code, "".join(out), "".join(err), seconds, reader.summary)

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
        into.append(masked)
        self._progress.activity(step, reader.feed(masked) or "", masked.rstrip())


async def _feed(process: Process, text: str) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe is what open_process makes
    with suppress(anyio.BrokenResourceError):  # a tool may end without reading all of it
        await process.stdin.send(text.encode())
    await process.stdin.aclose()


async def _end(process: Process) -> None:
    """Ask a tool to stop, and wait: a killed OpenTofu leaves an empty state behind."""
    for request in (signal.SIGINT, signal.SIGTERM):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with anyio.move_on_after(PATIENCE):
            await process.wait()
            return
