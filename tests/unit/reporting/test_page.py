"""What every page shares: values escaped, times and numbers as people write them."""

import pytest
from jinja2 import TemplateNotFound

from pipeline.reporting import page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (-3, "0 s"), (0.44, "0.4 s"), (3, "3 s"), (48.2, "48 s"), (185, "3:05"), (3725, "1:02:05")],
)
def test_a_length_of_time_is_told_as_precisely_as_it_counts(seconds: float, words: str) -> None:
    assert page.clock(seconds) == words


def test_a_moment_is_told_in_utc() -> None:
    assert page.moment("2026-03-02T15:05:09.123+01:00") == "2 March 2026, 14:05 UTC"


def test_a_text_that_is_not_a_moment_stays_as_it_is() -> None:
    assert page.moment("yesterday") == "yesterday"


def test_what_stands_between_backticks_is_code_and_escaped() -> None:
    assert page.code_marked("run `a <b>` & see") == "run <code>a &lt;b&gt;</code> &amp; see"


def test_a_single_backtick_marks_nothing() -> None:
    assert page.code_marked("it's `odd") == "it&#39;s `odd"


def test_characters_that_nobody_sees_are_shown() -> None:
    assert page.code_marked("a\u202eb\u200bc\x1b\nd") == "a\\u202eb\\u200bc\\x1b\nd"


def test_a_template_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TemplateNotFound):
        page.render("none.html.j2")
