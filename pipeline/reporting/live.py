"""The part of a terminal that is drawn again and again: the steps that run, and the status line."""

import time

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from pipeline.machine.encoding import spell_plainly
from pipeline.reporting.run_state import Running, RunState
from pipeline.units import clock

FRAMES, PLAIN_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "-\\|/"
PER_SECOND = 8
"""Frames in a second."""
WIDE = 60
"""Columns from which on there is room for usual times."""


class LiveArea:
    """Draws a run's state, in as many lines and columns as the terminal has now.

    Args:
        state: the run's.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines; rich calls this for each frame."""
        frames = PLAIN_FRAMES if options.ascii_only else FRAMES
        frame = frames[int(time.monotonic() * PER_SECOND) % len(frames)]
        *rows, status = live_lines(self._state, options.max_width, console.height, frame)
        for line, style in (*((row, "") for row in rows), (status, "dim")):
            text = Text(spell_plainly(line) if options.ascii_only else line, style, no_wrap=True)
            text.truncate(options.max_width, overflow="crop" if options.ascii_only else "ellipsis")
            yield text


def live_lines(state: RunState, width: int, height: int, frame: str = "") -> list[str]:
    """Return a line for each running step that the terminal has room for, then the status line.

    Args:
        state: the run's.
        width: the terminal's columns.
        height: its lines; one is left free.
        frame: what stands before a running step.
    """
    running = list(state.running.values())
    shown = running[: max(height - 2, 0)]
    hidden = len(running) - len(shown)
    status = [*state.status(), *([f"{hidden} more steps run"] if hidden else [])]
    return [*_rows(state, shown, width, frame), _joined(status, width)]


def _joined(parts: list[str], width: int) -> str:
    """Return the status line; where it is too long, without the time that has passed."""
    line = " · ".join(parts)
    return line if len(line) <= width else " · ".join(each for each in parts if "passed" not in each)


def _rows(state: RunState, shown: list[Running], width: int, frame: str) -> list[str]:
    names = [running.nth[0][: width // 2] for running in shown]
    times = [_times(state, running, width) for running in shown]
    columns = [max(map(len, each), default=0) for each in (names, times)]
    return [
        f"{frame} {name:<{columns[0]}}  {spent:<{columns[1]}}  {_printable(running.activity)}".rstrip()
        for name, spent, running in zip(names, times, shown, strict=True)
    ]


def _times(state: RunState, running: Running, width: int) -> str:
    spent, usual = clock(state.seconds - running.started), state.usual.step(running.nth)
    return f"{spent} of usually {clock(usual)}" if usual and usual >= 1 and width >= WIDE else spent


def _printable(text: str) -> str:
    """Return a tool's words without what would move the cursor."""
    return "".join(each if each.isprintable() else " " for each in text)
