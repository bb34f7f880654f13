"""The runner for containers: each step is one exec of Dagger in the toolbox container."""

import re
import time
from collections.abc import Awaitable, Mapping
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import TypeVar
from uuid import uuid4

import dagger
from anyio import CancelScope
from dagger import ReturnType, telemetry

from pipeline.errors import FIX_BELOW, PipelineError, ToolError
from pipeline.reporting.progress import Progress
from pipeline.steps.masks import Masks
from pipeline.steps.output import Reader
from pipeline.steps.step import Result, Step

Answer = TypeVar("Answer")

WORKSPACE = PurePosixPath("/workspace")
SECRETS = PurePosixPath("/run/quickdata")
"""Where secret files are mounted: in memory, during one exec."""

FRESH = "QUICKDATA_FRESH"
"""A variable with a new value for each exec: otherwise the engine would reuse an earlier result."""

TEXT, OUT = "/tmp/quickdata.text", "/tmp/quickdata.out"  # noqa: S108 - in a container of its own
QUIET = 'in=$1; shift; exec "$@" <"$in" >"$0"'
"""Runs a private command with its output in a file: the engine prints the output of an exec in the log."""

TAIL = 8
NO_COMMAND = re.compile(r'exec: "|fork/exec |\S*quickdata\.out: ')
"""The beginning of the engine's message, or of the shell's, if a command does not exist."""

SIGNALLED = range(128, 192)
"""Exit codes after which the engine returns no files."""


class ContainerRunner:
    """Runs steps in a toolbox container that has the workspace mounted.

    Args:
        toolbox: the container, with a volume at the workspace's path.
        secrets: the engine's secrets by name; never in argv, never as plain variables.
        masks: masks their values, in addition to the masks of the engine.
        progress: shows notes and steps to the user.
        root: the workspace's path in the container.
    """

    def __init__(
        self,
        toolbox: dagger.Container,
        secrets: Mapping[str, dagger.Secret],
        masks: Masks,
        progress: Progress,
        root: PurePosixPath = WORKSPACE,
    ) -> None:
        self._toolbox, self._secrets, self._masks = toolbox, dict(secrets), masks
        self._progress, self._root = progress, root

    @property
    def root(self) -> PurePosixPath:
        """The workspace's absolute path, as the steps see it."""
        return self._root

    async def run(self, step: Step) -> Result:
        """Run the step as one exec, always to its end.

        A cancelled exec would be killed, and OpenTofu would leave an empty state behind.
        """
        started = time.monotonic()
        self._progress.begin_step(step)
        result: Result | None = None
        try:
            with CancelScope(shield=True):
                code, out, err = await self._outcome(step)
            result = self._result(step, code, out, err, time.monotonic() - started)
        finally:
            self._progress.end_step(step, result)
        return result

    def prepared(self, step: Step) -> dagger.Container:
        """Return the toolbox with the exec of a step, which has not run yet."""
        container = self._toolbox.with_workdir(str(self._root / step.workdir))
        for name, value in step.env.items():
            container = container.with_env_variable(name, value)
        for name in step.secrets:
            container = container.with_secret_variable(name, self._secrets[name])
        for name in step.secret_files:
            path = str(SECRETS / name)
            mounted = container.with_mounted_secret(path, self._secrets[name], mode=0o400)
            container = mounted.with_env_variable(name, path)
        if step.private:
            return self._quiet(step, container)
        container = fresh(container)
        return container.with_exec(list(step.command), stdin=step.stdin or "", expect=ReturnType.ANY)

    def _quiet(self, step: Step, container: dagger.Container) -> dagger.Container:
        """Return the container with an exec that shows neither its input, such as a state, nor its output."""
        source = "/dev/null"
        if step.stdin:
            source = str(SECRETS / "stdin")
            secret = dagger.dag.set_secret(f"stdin-{uuid4().hex}", step.stdin)
            container = container.with_mounted_secret(source, secret, mode=0o400)
        container = fresh(container)
        return container.with_exec(["sh", "-c", QUIET, OUT, source, *step.command], expect=ReturnType.ANY)

    async def write(self, path: PurePosixPath, text: str, mode: int = 0o644) -> None:
        """Write a file in the workspace. Only this run uses the workspace, so nobody sees half a file."""
        container = self._toolbox.with_new_file(TEXT, text, permissions=0o600)
        await self._file(
            f"write {path}", container, "install", "-D", "-m", f"{mode:o}", TEXT, str(self._root / path)
        )

    async def read(self, path: PurePosixPath) -> str | None:
        """Return a file's text; None if it does not exist. It is looked for, as the engine shows errors."""
        if not await self._exists(path):
            return None
        copied = tried(self._toolbox, "cp", str(self._root / path), OUT)
        code, _, err = await outcome(f"read {path}", copied)
        if code:
            raise ToolError(f"{path} could not be read", FIX_BELOW, err)
        return await ask_engine(f"read {path}", copied.file(OUT).contents())

    async def remove(self, path: PurePosixPath) -> None:
        """Remove a file in the workspace, if it exists."""
        await self._file(f"remove {path}", self._toolbox, "rm", "-f", str(self._root / path))

    async def keep(self, *paths: PurePosixPath) -> dagger.Directory:
        """Return a copy of those of these files and folders that exist in the workspace."""
        existing = [path for path in paths if await self._exists(path)]
        container = fresh(self._toolbox).with_workdir(str(self._root)).with_exec(["mkdir", "-p", "/kept"])
        for path in existing:
            container = container.with_exec(["cp", "-r", "--parents", str(path), "/kept"])
        container = container.with_exec(["chmod", "-R", "go=", "/kept"])  # states and plans contain secrets
        return await ask_engine("keep", container.directory("/kept").sync())

    async def _exists(self, path: PurePosixPath) -> bool:
        looked = tried(self._toolbox, "test", "-e", str(self._root / path))
        return (await outcome(f"look for {path}", looked))[0] == 0

    async def _file(self, name: str, container: dagger.Container, *command: str) -> None:
        code, out, err = await outcome(name, tried(container, *command))
        if code:
            raise ToolError(f"{name}: failed with exit code {code}", FIX_BELOW, err or out)

    async def _outcome(self, step: Step) -> tuple[int, str, str]:
        ran = self.prepared(step)
        code, out, err = await outcome(step.name, ran)
        if step.private and code not in SIGNALLED:
            out = await ask_engine(step.name, ran.file(OUT).contents())
        return code, out, err

    def _result(self, step: Step, code: int, out: str, err: str, seconds: float) -> Result:
        covered, reader = self._masks.cover(out), Reader(step.stream)
        for line in covered.splitlines():
            reader.feed(line)
            self._progress.show_activity(step, "", line, reader.stream)  # the step is over: no activity
        shown = out if step.private and code == 0 else covered
        return Result(step, code, shown, self._masks.cover(err), seconds, reader.summary)


async def outcome(name: str, container: dagger.Container) -> tuple[int, str, str]:
    """Run a container's last exec; return its exit code, output and error output.

    Args:
        name: the name that users see if the engine fails.
        container: ends with an exec that accepts any exit code.

    Raises:
        PipelineError: the engine could not run the exec, or the command does not exist.
    """
    try:
        with _named(name):
            code = await container.exit_code()
            out, err = await container.stdout(), await container.stderr()
    except dagger.ExecError as error:  # the command ended by a signal (128 to 191), which ANY does not accept
        return error.exit_code, error.stdout, error.stderr
    except dagger.DaggerError as error:
        raise engine_error(name, error) from error
    if code in (1, 127) and NO_COMMAND.match(err):
        what = f"{name}: the toolbox does not have this command: {err.strip()}"
        raise ToolError(what, "omit --toolbox-image, or name an image with Python 3.11 on Debian")
    return code, out, err


def tried(container: dagger.Container, *command: str) -> dagger.Container:
    """Return the container with an exec that always runs, and may have any exit code."""
    return fresh(container).with_exec(list(command), expect=ReturnType.ANY)


async def ask_engine(name: str, answer: Awaitable[Answer]) -> Answer:
    """Wait for an answer of the engine, and turn its failure into an error that a user can fix.

    Args:
        name: the name of the operation, which users see.
        answer: the engine's answer to wait for.

    Raises:
        PipelineError: the engine failed.
    """
    try:
        with _named(name):
            return await answer
    except dagger.DaggerError as error:
        raise engine_error(name, error) from error


def _named(name: str) -> AbstractContextManager[object]:
    """Make the engine show the operations of the block below one name."""
    return telemetry.get_tracer().start_as_current_span(name, record_exception=False)


def fresh(container: dagger.Container) -> dagger.Container:
    """Return the container with a new value of FRESH, so that the engine really runs the next exec."""
    return container.with_env_variable(FRESH, uuid4().hex)


def engine_error(name: str, error: dagger.DaggerError) -> PipelineError:
    """Return the error for a failure of the engine.

    Args:
        name: the name of the operation.
        error: the engine's error.
    """
    lines = str(error).strip().splitlines() or ["nothing"]
    return ToolError(
        f"{name}: the Dagger engine says: {lines[0]}",
        "fix the cause that it names (an image, a network, a disk), then run again",
        "\n".join([*lines[1:], *_last_words(error)]),
    )


def _last_words(error: dagger.DaggerError) -> list[str]:
    """Return the last lines of a command that failed while the toolbox was made."""
    return error.stderr.splitlines()[-TAIL:] if isinstance(error, dagger.ExecError) else []
