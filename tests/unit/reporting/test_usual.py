"""What past runs say of a new one."""

import pytest

from pipeline.reporting.history import PastRun, PastStep
from pipeline.reporting.usual import Nth, Usual


def past(seconds: float, *steps: tuple[str, float, float]) -> PastRun:
    return PastRun("deploy", "aws", 0, seconds, [PastStep(*step) for step in steps])


def nth(*names: str) -> set[Nth]:
    return {(name, 1) for name in names}


FIRST = past(100, ("init", 10, 10), ("apply", 50, 60), ("play", 30, 90))
"""A deployment that creates everything."""
AGAIN = past(40, ("init", 10, 10), ("play", 20, 35))
"""One that changes nothing."""


def test_a_steps_usual_time_is_the_median_of_the_same_one_of_that_name() -> None:
    runs = [past(9, ("sql", first, 1), ("sql", 100 * first, 2)) for first in (1, 9, 2)]
    usual = Usual(runs)
    assert (usual.step(("sql", 1)), usual.step(("sql", 2)), usual.step(("sql", 3))) == (2, 200, None)


@pytest.mark.parametrize(
    ("passed", "seconds"),
    [(["init", "apply"], 100), (["init", "play"], 40), (["something new"], 40)],
)
def test_a_run_is_compared_with_a_past_one_that_went_like_it(passed: list[str], seconds: float) -> None:
    course = Usual([FIRST, AGAIN]).course(nth(*passed))
    assert course is not None
    assert course.seconds == seconds


def test_of_runs_that_went_alike_the_one_of_the_middle_length_counts() -> None:
    course = Usual([past(seconds, ("init", 1, 1)) for seconds in (30, 10, 20)]).course(nth("init"))
    assert course is not None
    assert course.seconds == 20


def test_without_a_past_run_nothing_is_usual() -> None:
    assert Usual().course(nth("init")) is None
    assert Usual().step(("init", 1)) is None


@pytest.mark.parametrize(
    ("passed", "since", "left"),
    [
        ([], 0, 100),
        ([], 4, 96),
        (["init"], 0, 90),
        (["init"], 20, 70),
        (["init"], 500, 40),  # apply takes longer than it did: it is not over yet
        (["init", "apply", "play"], 4, 6),
        (["init", "apply", "play"], 500, 0),
    ],
)
def test_the_time_left_follows_from_the_clock_of_the_past_run(
    passed: list[str], since: float, left: float
) -> None:
    course = Usual([FIRST]).course(nth(*passed))
    assert course is not None
    assert course.left(nth(*passed), since) == left


def test_steps_side_by_side_count_once() -> None:
    beside = past(60, ("lifecycle", 57, 58), ("app", 50, 51), ("nodes", 5, 57))
    course = Usual([beside]).course(nth("app"))
    assert course is not None
    assert course.left(nth("app"), 0) == 9
