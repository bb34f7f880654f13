"""Figures as readers see them."""

import pytest

from pipeline.units import clock, in_fine_units


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (134, "2:14"), (4334, "1:12:14")],
)
def test_a_time_is_shown_as_a_clock_shows_it(seconds: float, words: str) -> None:
    assert clock(seconds) == words


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (2_634_567, "2.63 MB"),
        (26_345_678, "26.3 MB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (5 * 10**12, "5.00 TB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes_that_are_compared_have_three_digits(count: int, written: str) -> None:
    assert in_fine_units(count) == written
