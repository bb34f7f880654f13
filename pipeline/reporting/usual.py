"""How long a run usually takes, and how much of it is left: as the past runs that went like it."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from pipeline.reporting.history import PastRun, PastStep

Nth = tuple[str, int]
"""A step's name, and which of the steps of that name it is, from 1."""


@dataclass(frozen=True)
class Course:
    """A past run, as a new one is compared with it.

    Args:
        run: the past run.
    """

    run: PastRun

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.run.seconds

    @cached_property
    def steps(self) -> dict[Nth, PastStep]:
        """Its steps."""
        return dict(numbered(self.run.steps))

    def position(self, passed: Set[Nth]) -> float:
        """Return how many seconds it had taken when it had passed these steps."""
        return max((step.ended for nth, step in self.steps.items() if nth in passed), default=0.0)

    def difference(self, passed: Set[Nth]) -> int:
        """Return how many of these steps it had not passed by then, and how many others it had."""
        position = self.position(passed)
        return len({nth for nth, step in self.steps.items() if step.ended <= position} ^ passed)

    def left(self, passed: Set[Nth], since: float) -> float:
        """Return how many seconds it still took from there.

        Args:
            passed: the steps that the new run has passed.
            since: seconds since the last of them ended; a step that takes longer than it did holds the time.
        """
        position = self.position(passed)
        coming = [s.ended for nth, s in self.steps.items() if s.ended > position and nth not in passed]
        return max(self.seconds - min([position + since, *coming]), 0.0)


@dataclass(frozen=True)
class Usual:
    """What past runs say of a new one.

    Args:
        runs: the runs of the same verb and target that ended well.
    """

    runs: Sequence[PastRun] = ()

    @cached_property
    def _courses(self) -> list[Course]:
        return [Course(run) for run in self.runs]

    def step(self, nth: Nth) -> float | None:
        """Return the seconds that a step usually takes, the median; None when it is new."""
        times = [course.steps[nth].seconds for course in self._courses if nth in course.steps]
        return median(times) if times else None

    def alike(self, passed: Set[Nth]) -> list[Course]:
        """Return the past runs that went most like this one, the oldest first.

        A deployment that changes nothing has other steps than the first one, and a rehearsal on nodes in
        Docker has other steps than one on local nodes.
        """
        least = min((course.difference(passed) for course in self._courses), default=0)
        return [course for course in self._courses if course.difference(passed) == least]

    def course(self, passed: Set[Nth]) -> Course | None:
        """Return the past run to go by: of those that went alike, the one of the middle length."""
        alike = sorted(self.alike(passed), key=lambda course: course.seconds)
        return alike[(len(alike) - 1) // 2] if alike else None


def numbered(steps: Iterable[PastStep]) -> Iterator[tuple[Nth, PastStep]]:
    """Yield each step with its name's number: the second of a name has the number 2."""
    seen: dict[str, int] = {}
    for step in steps:
        seen[step.name] = seen.get(step.name, 0) + 1
        yield (step.name, seen[step.name]), step
