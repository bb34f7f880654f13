"""The report's page in a real browser: on a screen and a phone, light and dark, and printed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from pipeline.reporting.report_page import report_page
from tests.support.pages import SCHEMES, SIZES, browser, opened
from tests.support.reports import clock_set_back, document, error, hostile, huge, rehearsed

RUNS = {
    "rehearsed": rehearsed(),
    "hostile": hostile(),
    "huge": huge(),
    "clock set back": clock_set_back(),
    "begun": document(ended=None, exit_code=None),
    "interrupted": document(**error("interrupted by SIGINT", exit_code=130)),
}
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


ALL = [("rehearsed", width, scheme) for width in SIZES for scheme in SCHEMES]
CROSSED = [(name, *look) for name in RUNS for look in zip(SIZES, SCHEMES, strict=True) if name != "rehearsed"]


@pytest.mark.parametrize(("name", "width", "scheme"), ALL + CROSSED)
def test_every_text_can_be_read_and_nothing_is_asked_for(
    chromium: Browser, tmp_path: Path, name: str, width: int, scheme: Scheme
) -> None:
    file = tmp_path / "index.html"
    file.write_text(report_page(RUNS[name]))
    with opened(chromium, file, width, scheme) as seen:
        seen.require_readable(width)
        seen.require_ordered()


@pytest.mark.parametrize("name", ["rehearsed", "hostile"])
def test_it_can_be_printed(chromium: Browser, tmp_path: Path, name: str) -> None:
    file = tmp_path / "index.html"
    file.write_text(report_page(RUNS[name]))
    with opened(chromium, file, SIZES[0], "dark") as seen:
        assert seen.page.pdf(format="A4").startswith(b"%PDF")


def test_what_is_folded_is_printed_too(chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "index.html"
    file.write_text(report_page(RUNS["rehearsed"]))
    with closing(chromium.new_page()) as page:
        page.goto(file.as_uri())
        folded = page.locator("details > :not(summary)")
        hidden = "all => all.filter(each => !each.checkVisibility()).length"
        assert folded.evaluate_all(hidden) > 0
        page.emulate_media(media="print")
        assert folded.evaluate_all(hidden) == 0


@pytest.mark.parametrize(
    "body",
    [
        "<p style='color: #999; background: #fff'>faint</p>",
        "<p style='width: 2000px'>wide</p>",
        "<img src='https://example.com/x.png' alt=''>",
        "<figure><svg width='99' height='30'><rect width='99' height='30' fill='#666'/>"
        "<text y='20' fill='#000'>faint</text></svg></figure>",
    ],
    ids=["faint", "wide", "outside", "faint in a picture"],
)
def test_these_checks_find_a_page_that_cannot_be_read(chromium: Browser, tmp_path: Path, body: str) -> None:
    file = tmp_path / "index.html"
    file.write_text(f"<!doctype html><html lang='en'><title>x</title><body><h1>x</h1>{body}</body></html>")
    with opened(chromium, file, SIZES[1], "light") as seen, pytest.raises(AssertionError):
        seen.require_readable(SIZES[1])
