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
        name: what users see, such as "storage: apply".
        command: argv; never a shell string.
        workdir: relative to the workspace.
        env: plain values, complete: a runner adds only PATH, HOME, the locale and what network.py names.
        secrets: names whose values the runner holds and sets in the environment.
        secret_files: names whose values the runner lays down as files (mode 0400) for the length of the
            step; the environment variable of that name holds the file's path.
        stdin: text for the standard input; none means an empty one.
        stream: how the output tells its progress.
        private: the output holds sensitive values: it is read, never shown.
        must_fail: a refusal is what it is run for; it is shown and reported as one.
        creates: it creates or changes things outside: an interrupt waits until it has asked for nothing new.
        state: where the states that it uses are kept, as `--state` says it: advice repeats it.
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
    """What a step came to; times are in seconds.

    The output is masked, but for what a private step that succeeded wrote to its standard output: that is
    read, never shown, and a mask would change it.
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
        """What it came to, in words; empty when there is nothing to say but that it is done."""
        if self.step.must_fail:
            return "refused, as it must be" if self.failed else "done, but it must be refused"
        return self.summary or (f"exit code {self.exit_code}" if self.failed else "")

    def check(self, *accepted: int) -> "Result":
        """Return the result itself, or raise what its exit code means.

        Args:
            accepted: exit codes that are fine besides 0.

        Raises:
            PipelineError: the failure, translated where it is a known one.
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
        """Write a file below the workspace, whole or not at all."""

    async def read(self, path: PurePosixPath) -> str | None:
        """Return a file's text, None when there is none."""

    async def remove(self, path: PurePosixPath) -> None:
        """Remove a file below the workspace, if it is there."""
