"""When each step of a run went on: side by side or in turn, and which steps decided how long the run took."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

LONGEST = 12
"""How many steps of the critical path are shown first."""


@dataclass(frozen=True)
class Bar:
    """A step on the timeline; times are in seconds since the run began.

    Args:
        name: the step's name.
        start: when it began.
        end: when it ended.
        outcome: "done", "failed", "refused" or "interrupted".
        summary: what it came to, in words.
        before: the seconds that the same step took in the previous run; None where it had none.
        lane: the row of the picture, from 0; steps that ran side by side have different ones.
        critical: whether it is on the critical path.
    """

    name: str
    start: float
    end: float
    outcome: str = "done"
    summary: str = ""
    before: float | None = None
    lane: int = 0
    critical: bool = False

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True)
class Timeline:
    """The steps of a run by the clock; times are in seconds.

    Args:
        bars: the steps in the order in which they began.
        seconds: how long the run took.
        previous: how long the previous run took; None when there was none.
    """

    bars: tuple[Bar, ...] = ()
    seconds: float = 0
    previous: float | None = None

    @property
    def lanes(self) -> int:
        """How many steps ran side by side at most."""
        return max((bar.lane + 1 for bar in self.bars), default=0)

    @property
    def scale(self) -> float:
        """What the whole width of the picture stands for."""
        return max(self.seconds, self.previous or 0) or 1

    @property
    def critical(self) -> list[Bar]:
        """The critical path."""
        return [bar for bar in self.bars if bar.critical]

    @property
    def longest(self) -> list[Bar]:
        """The longest steps of the critical path, in the order in which they began."""
        known = sorted(self.critical, key=lambda bar: bar.seconds, reverse=True)[:LONGEST]
        return [bar for bar in self.critical if bar in known]

    @property
    def between(self) -> float:
        """The time without a step of the critical path: the pipeline's own work, and waiting."""
        return max(self.seconds - sum(bar.seconds for bar in self.critical), 0)

    @property
    def ticks(self) -> list[float]:
        """Where the axis is marked: five to ten round times."""
        units = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
        step = next((each for each in units if self.scale / each <= 9), self.scale / 5)  # noqa: PLR2004
        return [step * n for n in range(int(self.scale / step) + 1)]

    def part(self, seconds: float) -> float:
        """Return a time as percent of the picture's width."""
        return round(min(max(seconds / self.scale, 0), 1) * 100, 3)


def timeline(run: Mapping[str, Any]) -> Timeline:
    """Return the timeline of a run.

    If the clock was set back during the run, a step may have no length; it never has a negative one. A step
    without an end went on until the run ended.

    Args:
        run: the report as run.json holds it.
    """
    steps, previous = run["steps"], run["previous"]
    began, over = _time(run["started"], 0.0), _time(run["ended"], 0.0)
    times = [(_time(s["started"], began) - began, _time(s["ended"], over) - began) for s in steps]
    total = max([over - began, 0.0, *(end for _, end in times)])
    before = _previous(previous, [each["name"] for each in steps])
    bars = [
        Bar(each["name"], max(start, 0.0), max(end, start, 0.0), each["outcome"], each["summary"], known)
        for each, (start, end), known in zip(steps, times, before, strict=True)
    ]
    ordered = sorted(bars, key=lambda bar: bar.start)
    return Timeline(tuple(_marked(_laid_out(ordered))), total, previous["seconds"] if previous else None)


def critical_path(bars: Sequence[Bar]) -> set[int]:
    """Return which steps decided how long the run took, as places in the sequence.

    The rule goes backwards from the end: the step that ended last is on the path; before each step of the
    path comes the step that ended last before that one began. The rule knows times, not reasons: it takes
    for granted that a step had waited for the one that ended last before it.

    Args:
        bars: the steps, in any order.
    """
    path, limit = set(), float("inf")
    for place in sorted(range(len(bars)), key=lambda n: (bars[n].end, bars[n].start), reverse=True):
        if bars[place].end <= limit:
            path.add(place)
            limit = bars[place].start
    return path


def _marked(bars: Sequence[Bar]) -> list[Bar]:
    path = critical_path(bars)
    return [replace(bar, critical=place in path) for place, bar in enumerate(bars)]


def _laid_out(bars: Iterable[Bar]) -> list[Bar]:
    """Give each step, in the order of their beginnings, the first lane that is free then."""
    free: list[float] = []
    placed = []
    for bar in bars:
        lane = next((n for n, end in enumerate(free) if end <= bar.start), len(free))
        free[lane : lane + 1] = [bar.end]
        placed.append(replace(bar, lane=lane))
    return placed


def _previous(previous: Mapping[str, Any] | None, names: Iterable[str]) -> list[float | None]:
    """Return how long each step took in the previous run: the nth of a name is compared with the nth."""
    known: defaultdict[str, deque[float]] = defaultdict(deque)
    for step in previous["steps"] if previous else ():
        known[step["name"]].append(step["seconds"])
    return [known[name].popleft() if known[name] else None for name in names]


def _time(text: str | None, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except ValueError:
        return otherwise
