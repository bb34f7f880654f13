"""What a user sees while steps run: live lines on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.reporting.live import PER_SECOND, LiveArea
from pipeline.reporting.run_state import RunState
from pipeline.reporting.usual import Usual
from pipeline.steps.output import Stream, spoken
from pipeline.steps.step import Result, Step

HEARTBEAT = 15.0
"""Seconds between two plain lines about a step that goes on."""
STYLES = {"✓": "green", "✗": "red", "■": "yellow"}


class Progress:
    """Shows steps on standard error, one line each.

    Args:
        verbose: also print every line that the tools print.
        worded: returns a note as its reader can use it; under Dagger a command becomes a call.
        usual: what past runs took.
    """

    def __init__(
        self, verbose: bool = False, worded: Callable[[str], str] = str, usual: Usual | None = None
    ) -> None:
        self._verbose = verbose
        self._worded = worded
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._live: Live | None = None
        self._last_lines: dict[str, float] = {}
        self.state = RunState(usual or Usual())

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the live lines on the screen for the length of a run; a dumb terminal and a pipe have none."""
        if sys.stderr.isatty() and self._console.is_interactive:
            self._start_live()
        try:
            yield
        finally:
            self._stop_live()

    @contextmanager
    def paused(self, otherwise: str) -> Iterator[None]:
        """Take the live lines off the screen for the length of a question.

        Args:
            otherwise: how things are when nobody answers.
        """
        live = self._stop_live()
        try:
            with self.state.waiting(otherwise):
                yield
        finally:
            if live:
                self._start_live()

    def _start_live(self) -> None:
        """Draw below what stands there: a new Live, because a used one would erase the lines above."""
        area = LiveArea(self.state)
        options = {"refresh_per_second": PER_SECOND, "transient": True, "redirect_stdout": False}
        self._live = Live(area, console=self._console, **options)  # type: ignore[arg-type]
        self._live.start()

    def _stop_live(self) -> bool:
        live, self._live = self._live, None
        if live:
            live.stop()
        return bool(live)

    def note(self, text: str) -> None:
        """Print a line that is not about a step."""
        self._print(self._worded(text))

    def begin_step(self, step: Step) -> None:
        """A step starts."""
        self.state.begin(step.name)
        self._last_lines[step.name] = time.monotonic()

    def show_activity(self, step: Step, text: str, line: str, stream: Stream) -> None:
        """A step says what it is doing.

        Args:
            step: the step.
            text: its activity in words; empty when the line says nothing of it.
            line: the tool's own line, masked.
            stream: what kind of line that is.
        """
        if self._verbose and not step.private and (words := spoken(stream, line)):
            self.note(f"{step.name} | {words}")
        if not text or step.private:
            return
        running = self.state.running[step.name]
        running.activity = text
        if not self._live and time.monotonic() - self._last_lines[step.name] > HEARTBEAT:
            self._last_lines[step.name] = time.monotonic()
            self.note(f"… {step.name}: {text} ({self.state.seconds - running.started:.0f} s)")

    def end_step(self, step: Step, result: Result | None) -> None:
        """A step has ended; without a result it was interrupted."""
        ended = self.state.end(step.name)
        mark, outcome = ("■", "interrupted") if result is None else (_mark(result), result.outcome)
        line = f"{mark} {step.name:<30} {ended.seconds:6.1f} s  {outcome}".rstrip()
        if self._live:
            self._print(Text.assemble((mark, STYLES[mark]), line.removeprefix(mark)))
            return
        place = self.state.place()
        self.note(f"{line}  ({place})" if place else line)

    def _print(self, text: str | Text) -> None:
        self._console.print(text)
        sys.stderr.flush()


def _mark(result: Result) -> str:
    return "✓" if result.failed is result.step.must_fail else "✗"
