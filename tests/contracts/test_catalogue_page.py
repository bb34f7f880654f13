"""The catalogue's page in a real browser: readable on a screen and a phone, light and dark, and printed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from pipeline.backups.catalogue_page import catalogue_page
from tests.support.catalogues import CATALOGUES, HOSTILE, NOW, PHYSICAL
from tests.support.pages import SCHEMES, SIZES, browser, opened

EVERY = [("good", width, scheme) for width in SIZES for scheme in SCHEMES]
LONG = [("two thousand", SIZES[-1], SCHEMES[-1])]
SHORT = [name for name in CATALOGUES if name not in ("good", "two thousand")]
OTHERS = [(name, *look) for name in SHORT for look in zip(SIZES, SCHEMES, strict=True)]
CUT = """() => [...document.querySelectorAll('.calendar td')]
  .filter(each => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight)
  .map(each => each.innerText)"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def written(folder: Path, name: str) -> Path:
    file = folder / "backups.html"
    database = HOSTILE[:46] if name == "hostile" else "nocodb_db"
    file.write_text(catalogue_page(CATALOGUES[name], PHYSICAL.get(name), database, "bucket", NOW))
    return file


@pytest.mark.parametrize(("name", "width", "scheme"), EVERY + OTHERS + LONG)
def test_every_text_can_be_read_no_day_is_cut_off_and_nothing_is_asked_for(
    chromium: Browser, tmp_path: Path, name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    with opened(chromium, written(tmp_path, name), width, scheme) as seen:
        seen.require_readable(width)
        seen.require_ordered()
        assert seen.evaluate(CUT) == []


@pytest.mark.parametrize("name", ["with gaps", "hostile"])
def test_it_can_be_printed(chromium: Browser, tmp_path: Path, name: str) -> None:
    with opened(chromium, written(tmp_path, name), SIZES[0], "dark") as seen:
        assert seen.page.pdf(format="A4").startswith(b"%PDF")
