"""How far a run has come: the steps that have ended, those that run, and the time that is left."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.reporting.history import PastRun, PastStep
from pipeline.reporting.usual import Nth, Usual
from pipeline.units import clock

MINUTE, SOON = 60, 10


@dataclass
class Running:
    """A step that runs.

    Args:
        nth: its name, and which of that name it is.
        started: when it started, in seconds of the run.
        activity: what its tool works on, in words.
    """

    nth: Nth
    started: float
    activity: str = ""


@dataclass
class RunState:
    """The steps of one run.

    Args:
        usual: what past runs took.
        running: the steps that run, by name.
        ended: the steps that have ended, in that order.
        question: while a question waits for its answer, what is true if nobody answers.
        unwritten: that the report could not be written in the end, and why; empty when it was.
    """

    usual: Usual = field(default_factory=Usual)
    running: dict[str, Running] = field(default_factory=dict)
    ended: list[PastStep] = field(default_factory=list)
    question: str = ""
    unwritten: str = ""
    _passed: set[Nth] = field(default_factory=set)
    _begun: Counter[str] = field(default_factory=Counter)
    _began: float = field(init=False)
    _ending: float | None = None

    def __post_init__(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the run began, without the time that questions waited for their answers."""
        return time.monotonic() - self._began

    def begin(self, name: str) -> None:
        """A step starts."""
        self._begun[name] += 1
        self.running[name] = Running((name, self._begun[name]), self.seconds)

    def end(self, name: str) -> PastStep:
        """A step has ended; return how it went."""
        running, now = self.running.pop(name), self.seconds
        step = PastStep(name, max(now - running.started, 0.0), now)
        self.ended.append(step)
        self._passed.add(running.nth)
        return step

    @contextmanager
    def waiting(self, question: str) -> Iterator[None]:
        """Stop the clock for the length of a question."""
        asked, self.question = time.monotonic(), question
        try:
            yield
        finally:
            self.question = ""
            self._began += time.monotonic() - asked

    def begin_ending(self) -> None:
        """The run was asked to end."""
        self._ending = self.seconds if self._ending is None else self._ending

    def last_alike(self) -> PastRun | None:
        """Return the last of the past runs that went most like this one; None when there was none."""
        alike = self.usual.alike(self._passed)
        return alike[-1].run if alike else None

    def count(self, number: int) -> str:
        """Return "step 23 of about 75", without the sum where no past run says it."""
        course = self.usual.course(self._passed)
        if course is None or number > len(course.steps):
            return f"step {number}"
        return f"step {number} of about {len(course.steps)}"

    def place(self) -> str:
        """Return "step 23 of about 75, about 3 min left" for the step that ended last.

        It is empty where no past run says it.
        """
        count = self.count(len(self.ended))
        return ", ".join([count, *self._left()]) if " of " in count else ""

    def status(self) -> list[str]:
        """Return the parts of the status line, such as "2:14 passed"."""
        if self._ending is not None:
            return ["the run is ending", f"{clock(self.seconds - self._ending)} since the interrupt"]
        number = sum(self._begun.values())
        return [*([self.count(number)] if number else []), f"{clock(self.seconds)} passed", *self._left()]

    def _left(self) -> list[str]:
        course = self.usual.course(self._passed)
        if course is None:
            return []
        if self.seconds > course.seconds:
            return [f"longer than usual ({clock(course.seconds)})"]
        since = self.seconds - (self.ended[-1].ended if self.ended else 0)
        return [f"{about(course.left(self._passed, since))} left"]


def about(seconds: float) -> str:
    """Return a time as far as it can be known beforehand."""
    if seconds < SOON:
        return "a few seconds"
    if seconds < MINUTE:
        return f"about {round(seconds, -1):.0f} s"
    return f"about {seconds / MINUTE:.0f} min"
