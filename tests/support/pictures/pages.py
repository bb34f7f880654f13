"""The pages that the verbs write, in a real browser: light on a screen, dark on a phone."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect, ViewportSize

from pipeline.backups.catalogue_page import catalogue_page
from pipeline.machine.repository import REPOSITORY
from tests.support.catalogues import CATALOGUES, NOW, PHYSICAL
from tests.support.pages import browser

FOLDER = REPOSITORY / "docs/pictures"
Scheme = Literal["light", "dark"]
LOOKS: dict[str, tuple[int, int, Scheme]] = {"": (1280, 1280, "light"), "-phone": (360, 800, "dark")}
"""How a page is looked at, by the end of the picture's name: width and height in pixels, and the scheme."""
MARGIN = 24
"""Pixels beside a section in its picture."""


def report(written: Path) -> None:
    """Take pictures of a run's report.

    Args:
        written: the page that the run wrote.

    Raises:
        FileNotFoundError: there is none yet.
    """
    if not written.exists():
        raise FileNotFoundError(f"{written} is not there: make the picture `rehearsal` first")
    _take(written, "report", "Timeline", "timeline")


def backups(folder: Path) -> None:
    """Take pictures of a catalogue in which backups are missing: nobody took them, the page is real."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "backups.html"
    written.write_text(_catalogue())
    _take(written, "backups", "Size", "sizes")


def _catalogue() -> str:
    physical = PHYSICAL["good"]
    return catalogue_page(CATALOGUES["with gaps"], physical, "nocodb_db", "quickdata-backups", NOW)


def _take(page: Path, name: str, section: str, drawing: str) -> None:
    """Take pictures of the page's beginning, where the verdict is, and of the section with the drawing."""
    with browser() as started:
        for end, (width, height, scheme) in LOOKS.items():
            seen = started.new_page(viewport=ViewportSize(width=width, height=height), color_scheme=scheme)
            seen.goto(page.as_uri())
            seen.screenshot(path=FOLDER / f"{name}{end}.png")
        width, height, scheme = LOOKS[""]
        seen = started.new_page(viewport=ViewportSize(width=width, height=height), color_scheme=scheme)
        seen.goto(page.as_uri())
        heading = seen.get_by_role("heading", name=section, exact=True)
        box = seen.locator("section").filter(has=heading).bounding_box()
        assert box, section
        wide = {
            "x": box["x"] - MARGIN,
            "y": box["y"],
            "width": box["width"] + 2 * MARGIN,
            "height": box["height"],
        }
        seen.screenshot(path=FOLDER / f"{name}-{drawing}.png", full_page=True, clip=FloatRect(**wide))
