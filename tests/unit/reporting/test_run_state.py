"""How far a run has come, in the words of the status line."""

import pytest

from pipeline.reporting import run_state
from pipeline.reporting.history import PastRun, PastStep
from pipeline.reporting.run_state import RunState, about
from pipeline.reporting.usual import Usual


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(run_state, "time", clock)
    return clock


def past(*steps: tuple[str, float, float], seconds: float = 300) -> Usual:
    return Usual([PastRun("deploy", "aws", 0, seconds, [PastStep(*step) for step in steps])])


def test_without_a_past_run_no_end_is_foretold(clock: Clock) -> None:
    state = RunState()
    assert state.status() == ["0 s passed"]
    state.begin("init")
    clock.now += 134
    assert state.status() == ["step 1", "2:14 passed"]


def test_with_one_the_status_has_the_number_of_steps_and_the_time_that_is_left(clock: Clock) -> None:
    state = RunState(past(("init", 10, 10), ("apply", 200, 210)))
    state.begin("init")
    clock.now += 10
    state.end("init")
    state.begin("apply")
    clock.now += 124
    assert state.status() == ["step 2 of about 2", "2:14 passed", "about 3 min left"]


def test_a_step_that_has_ended_has_its_place_among_the_usual_ones(clock: Clock) -> None:
    state = RunState(past(("init", 10, 10), ("apply", 200, 210)))
    state.begin("init")
    clock.now += 10
    state.end("init")
    assert state.place() == "step 1 of about 2, about 5 min left"
    assert RunState().place() == ""


def test_more_steps_than_usual_are_counted_without_a_sum(clock: Clock) -> None:
    state = RunState(past(("init", 10, 10)))
    for name in ("init", "more"):
        state.begin(name)
        state.end(name)
    assert state.status()[0] == "step 2"


def test_a_run_that_goes_past_its_usual_end_says_so(clock: Clock) -> None:
    state = RunState(past(("init", 10, 10), seconds=65))
    clock.now += 65.5
    assert state.status() == ["1:06 passed", "longer than usual (1:05)"]


def test_the_last_run_is_the_last_one_that_went_alike(clock: Clock) -> None:
    local, docker = [PastStep("database: created", 1, 1)], [PastStep("nodes: start", 60, 60)]
    runs = [(1200, docker), (1300, docker), (1250, docker), (240, local)]
    state = RunState(Usual([PastRun("rehearse", "localstack", 0, *run) for run in runs]))
    state.begin("nodes: start")
    state.end("nodes: start")
    found = state.last_alike()
    assert (found.seconds if found else None) == 1250
    assert RunState().last_alike() is None


def test_the_time_of_a_question_is_not_the_runs(clock: Clock) -> None:
    state = RunState()
    state.begin("init")
    clock.now += 3
    with state.waiting("nothing was done"):
        assert state.question == "nothing was done"
        clock.now += 3600
    assert (state.seconds, state.question) == (3, "")
    assert state.end("init") == PastStep("init", 3, 3)


def test_after_an_interrupt_the_status_says_that_the_run_is_ending(clock: Clock) -> None:
    state = RunState(past(("init", 10, 10)))
    for _ in range(2):
        state.begin_ending()
        clock.now += 4
    assert state.status() == ["the run is ending", "8 s since the interrupt"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(9, "a few seconds"), (44, "about 40 s"), (62, "about 1 min"), (170, "about 3 min")],
)
def test_a_time_that_is_left_is_said_as_far_as_it_can_be_known(seconds: float, words: str) -> None:
    assert about(seconds) == words
