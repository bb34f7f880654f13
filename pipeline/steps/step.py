"""A step is one command of one tool: data that any runner can execute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from pipeline.steps.failures import diagnose
from pipeline.steps.output import Stream

ROOT = PurePosixPath()


@dataclass(frozen=True)
class Step:
    """One command.

    Args:
        name: the name that users see, such as "storage: apply".
        command: argv; never a shell string.
        workdir: the working directory, relative to the workspace.
        env: all plain variables; a runner adds only PATH, HOME, the locale and the variables of network.py.
        secrets: names of secrets that the runner holds and sets in the environment.
        secret_files: names of secrets that the runner writes into files (mode 0400) while the step runs; the
            variable of that name has the file's path.
        stdin: text for the standard input; None means an empty input.
        stream: the format of the output.
        private: the output contains sensitive values: it is read, but never shown.
        must_fail: the step is expected to be refused, and is reported as refused.
        creates: the step changes things outside: an interrupt waits until it requests nothing new.
        state: where the states are kept, as a value of `--state`; advice repeats it.
    """

    name: str
    command: tuple[str, ...]
    workdir: PurePosixPath = ROOT
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    secret_files: tuple[str, ...] = ()
    stdin: str | None = None
    stream: Stream = "text"
    private: bool = False
    must_fail: bool = False
    creates: bool = False
    state: str = "local"


@dataclass(frozen=True)
class Result:
    """The result of a step; times are in seconds.

    The output is masked, except the standard output of a private step that succeeded: it is read but never
    shown, and a mask would change it.
    """

    step: Step
    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    summary: str = ""

    @property
    def failed(self) -> bool:
        """Tell whether the tool failed: a plan of OpenTofu ends with 2 when it has changes."""
        return self.exit_code not in ((0, 2) if self.step.stream == "tofu-json" else (0,))

    @property
    def outcome(self) -> str:
        """The result in words; empty if the step is simply done."""
        if self.step.must_fail:
            return "refused, as expected" if self.failed else "done, but it should have been refused"
        return self.summary or (f"exit code {self.exit_code}" if self.failed else "")

    def check(self, *accepted: int) -> "Result":
        """Return the result itself, or raise the error for its exit code.

        Args:
            accepted: exit codes besides 0 that mean success.

        Raises:
            PipelineError: the step failed; a known failure is translated.
        """
        if self.exit_code == 0 or self.exit_code in accepted:
            return self
        raise diagnose(self.step.name, self.exit_code, self.stdout, self.stderr, self.step.state)


class Runner(Protocol):
    """Executes steps in a workspace: as processes (host) or in containers (Dagger)."""

    @property
    def root(self) -> PurePosixPath:
        """The workspace's absolute path, as the steps see it."""

    async def run(self, step: Step) -> Result:
        """Run the step to its end, whatever its exit code."""

    async def write(self, path: PurePosixPath, text: str, mode: int = 0o644) -> None:
        """Write a file in the workspace completely, or not at all."""

    async def read(self, path: PurePosixPath) -> str | None:
        """Return a file's text; None if the file does not exist."""

    async def remove(self, path: PurePosixPath) -> None:
        """Remove a file in the workspace, if it exists."""
