"""The steps by the clock: lanes, the critical path, the run before."""

import pytest

from pipeline.reporting.timeline import Bar, critical_path, timeline
from tests.support.reports import clock_set_back, document, huge, step


def names(bars: list[Bar]) -> list[str]:
    return [bar.name for bar in bars]


def test_steps_in_turn_are_in_one_lane_and_all_on_the_critical_path() -> None:
    line = timeline(document(steps=[step("a", 0, 10), step("b", 10, 20), step("c", 21, 30)]))
    assert line.lanes == 1
    assert names(line.critical) == ["a", "b", "c"]


def test_steps_side_by_side_have_lanes_of_their_own() -> None:
    line = timeline(document(steps=[step("a", 0, 10), step("b", 1, 5), step("c", 6, 9), step("d", 10, 12)]))
    assert [bar.lane for bar in line.bars] == [0, 1, 1, 0]


def test_the_critical_path_goes_back_from_the_last_end_by_the_step_that_ended_last_before() -> None:
    times = {"a": (0, 10), "quick": (10, 12), "slow": (10, 40), "after quick": (12, 39), "z": (40, 50)}
    steps = [step(name, *each) for name, each in times.items()]
    assert names(timeline(document(steps=steps)).critical) == ["a", "slow", "z"]


def test_steps_without_length_do_not_repeat_on_the_path() -> None:
    assert critical_path([Bar("a", 5, 5), Bar("b", 5, 5), Bar("c", 5, 9)]) == {0, 1, 2}


def test_the_time_between_the_steps_of_the_path_is_told() -> None:
    line = timeline(document(steps=[step("a", 10, 40), step("beside", 15, 20), step("b", 60, 90)]))
    assert line.seconds == 100
    assert line.between == pytest.approx(40)


def test_the_nth_step_of_a_name_is_compared_with_the_nth_of_the_run_before() -> None:
    before = {"seconds": 200.0, "steps": [{"name": "a", "seconds": s} for s in (1.0, 2.0)]}
    steps = [step("a", 0, 5), step("b", 5, 6), step("a", 6, 9), step("a", 9, 10)]
    line = timeline(document(steps=steps, previous=before))
    assert [bar.before for bar in line.bars] == [1.0, None, 2.0, None]
    assert (line.previous, line.scale) == (200.0, 200.0)


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    line = timeline(clock_set_back())
    assert line.seconds >= 0
    for bar in line.bars:
        assert 0 <= bar.start <= bar.end
        assert 0 <= line.part(bar.start) <= 100
        assert 0 <= line.part(bar.seconds) <= 100


def test_a_step_that_never_ended_goes_on_to_the_runs_end() -> None:
    line = timeline(document(steps=[step("a", 0, 0, ended=None)]))
    assert line.bars[0].end == line.seconds == 100


def test_a_run_without_steps_has_a_timeline_without_bars() -> None:
    line = timeline(document())
    assert (line.lanes, line.critical, line.bars) == (0, [], ())
    assert line.part(1) == 1


def test_a_run_that_goes_on_has_no_length_yet() -> None:
    assert timeline(document(ended=None, exit_code=None)).seconds == 0


@pytest.mark.parametrize("seconds", [0.3, 3, 45, 240, 3000, 90000, 10_000_000])
def test_the_axis_has_a_readable_number_of_marks(seconds: float) -> None:
    line = timeline(document(steps=[step("a", 0, seconds)], ended=step("a", 0, seconds)["ended"]))
    assert 2 <= len(line.ticks) <= 10
    assert line.ticks[-1] <= line.scale


def test_three_hundred_steps_have_as_many_lanes_as_ran_side_by_side() -> None:
    assert timeline(huge()).lanes == 60
