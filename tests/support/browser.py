"""What a user sees of NocoDB: a real browser signs in, opens a row and downloads its attachment."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from pipeline.rehearsal.nocodb_user import FILE, Base

PAGE_LIMIT = 90_000.0
"""Milliseconds that a page may take on a busy machine."""
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]  # it opens one page, of this test's own NocoDB, as root


@dataclass(frozen=True)
class Seen:
    """What a browser showed of a row: its title, and the attachment as it was downloaded."""

    title: str
    attachment: bytes


def chromium() -> str:
    """Return the browser of this machine; a test that needs it is told as not run where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("there is no chromium on PATH: apt-get install chromium")
    return found


def look(where: tuple[str, str, str], base: Base, screenshot: Path) -> Seen:
    """Sign in, open the first row, download its attachment; keep a picture of it.

    Args:
        where: NocoDB's URL, a user's address and password.
        base: the base to open.
        screenshot: where the picture goes.
    """
    url, email, password = where
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(PAGE_LIMIT)
        sign_in(page, url, email, password)
        page.goto(f"{url}/dashboard/#/nc/{base.id}/{base.table}?rowId=1")
        seen = _row(page, screenshot)
        browser.close()
    return seen


def sign_in(page: Page, url: str, email: str, password: str) -> None:
    page.goto(f"{url}/dashboard/#/signin")
    page.locator("input[type=email]").fill(email)
    page.locator("input[type=password]").fill(password)
    page.locator("button[type=submit]").click()
    page.wait_for_url(lambda now: "signin" not in now)


def _row(page: Page, screenshot: Path) -> Seen:
    card = page.get_by_title(FILE)
    card.hover()
    with page.expect_download() as download:
        card.locator("button").first.click()
    screenshot.parent.mkdir(exist_ok=True)
    page.screenshot(path=screenshot)
    title = page.get_by_role("dialog").inner_text().splitlines()[0]
    return Seen(title.strip(), Path(download.value.path()).read_bytes())
