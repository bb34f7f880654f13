"""Figures as readers see them."""

import pytest

from pipeline.units import clock


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (134, "2:14"), (4334, "1:12:14")],
)
def test_a_time_is_shown_as_a_clock_shows_it(seconds: float, words: str) -> None:
    assert clock(seconds) == words
