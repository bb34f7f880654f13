"""A page of ours in a real browser: what it asks for, how it reads at a size and in a colour scheme."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.support.browser import FLAGS, chromium

SIZES = (1280, 360)
"""Widths in pixels: a screen, a small phone."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, "Contrast (Minimum)"."""

OPEN_ALL = "() => document.querySelectorAll('details').forEach(each => each.open = true)"

WIDEST = """() => {
  const right = each => Math.ceil(each.getBoundingClientRect().right);
  const all = [...document.body.querySelectorAll('*:not(svg *)')].map(right);
  return Math.max(document.documentElement.scrollWidth, ...all);
}"""

FAINT = Path(__file__).with_name("contrast.js").read_text()
HEADINGS = "() => [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(each => Number(each.tagName[1]))"


@dataclass
class Seen:
    """What a browser made of a page.

    Args:
        page: the page, with everything on it that can be folded open.
        asked: what it asked for besides itself.
        complaints: what the browser had to say of it.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def evaluate(self, code: str, value: object = None) -> Any:
        return self.page.evaluate(code, value)

    def require_readable(self, width: int) -> None:
        """Make sure that it asks for nothing, fits the width, and that every text has contrast."""
        assert (self.asked, self.complaints) == ([], [])
        assert self.evaluate(WIDEST) <= width
        assert self.evaluate(FAINT, CONTRAST) == []

    def require_ordered(self) -> None:
        """Make sure that it has a language, a title, one first heading, and that no level is left out."""
        assert self.evaluate("() => document.documentElement.lang") == "en"
        assert self.page.title().strip()
        levels = self.evaluate(HEADINGS)
        assert levels.count(1) == 1
        assert all(lower - upper <= 1 for upper, lower in zip([0, *levels], levels, strict=False)), levels


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        started.close()


@contextmanager
def opened(started: Browser, file: Path, width: int, scheme: Literal["light", "dark"]) -> Iterator[Seen]:
    """Open a file without a network and without scripts of its own."""
    context = started.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=False
    )
    seen = Seen(context.new_page())

    def answer(route: Route) -> None:
        if route.request.url == file.as_uri():
            route.continue_()
        else:
            seen.asked.append(route.request.url)
            route.abort()

    seen.page.route("**/*", answer)
    seen.page.on("console", lambda message: seen.complaints.append(message.text))
    seen.page.goto(file.as_uri())
    seen.evaluate(OPEN_ALL)
    yield seen
    context.close()
