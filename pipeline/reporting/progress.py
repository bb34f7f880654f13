"""What a user sees while steps run: live lines on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress as LiveProgress
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from pipeline.steps.output import Stream, spoken
from pipeline.steps.step import Result, Step

HEARTBEAT = 15.0
"""Seconds between two plain lines about a step that goes on."""


@dataclass
class Shown:
    """A running step as it is shown; times are seconds of the monotonic clock."""

    started: float
    last_line: float
    row: TaskID | None


class Progress:
    """Shows steps on standard error, one line each.

    Args:
        verbose: also print every line that the tools print.
        worded: returns a note as its reader can use it; under Dagger a command becomes a call.
    """

    def __init__(self, verbose: bool = False, worded: Callable[[str], str] = str) -> None:
        self._verbose = verbose
        self._worded = worded
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._live: LiveProgress | None = None
        self._shown: dict[str, Shown] = {}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the live lines on the screen for the length of a run."""
        if not self._console.is_terminal:
            yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with LiveProgress(*columns, console=self._console, transient=True) as self._live:
            yield
        self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the live lines off the screen for the length of a question."""
        if self._live:
            self._live.stop()
        yield
        if self._live:
            self._live.start()

    def note(self, text: str) -> None:
        """Print a line that is not about a step."""
        self._console.print(self._worded(text))
        sys.stderr.flush()

    def begin_step(self, step: Step) -> None:
        """A step starts."""
        row = self._live.add_task(step.name, total=None) if self._live else None
        now = time.monotonic()
        self._shown[step.name] = Shown(now, now, row)

    def show_activity(self, step: Step, text: str, line: str, stream: Stream) -> None:
        """A step says what it is doing.

        Args:
            step: the step.
            text: its activity in words; empty when the line says nothing of it.
            line: the tool's own line, masked.
            stream: what kind of line that is.
        """
        shown = self._shown[step.name]
        if self._verbose and not step.private and (words := spoken(stream, line)):
            self.note(f"{step.name} | {words}")
        if not text or step.private:
            return
        if self._live and shown.row is not None:
            self._live.update(shown.row, description=f"{step.name}: {text}"[: self._console.width - 14])
        elif time.monotonic() - shown.last_line > HEARTBEAT:
            shown.last_line = time.monotonic()
            self.note(f"… {step.name}: {text} ({shown.last_line - shown.started:.0f} s)")

    def end_step(self, step: Step, result: Result | None) -> None:
        """A step has ended; without a result it was interrupted."""
        shown = self._shown.pop(step.name)
        if self._live and shown.row is not None:
            self._live.remove_task(shown.row)
        seconds = time.monotonic() - shown.started
        mark, outcome = ("■", "interrupted") if result is None else (_mark(result), result.outcome)
        self.note(f"{mark} {step.name:<38} {seconds:6.1f} s  {outcome}".rstrip())


def _mark(result: Result) -> str:
    return "✓" if result.failed is result.step.must_fail else "✗"
