"""NocoDB in a real browser, after its data was damaged and restored on nodes that are containers."""

import re
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

from pipeline.deploy import order as deploy
from pipeline.rehearsal.nocodb_user import Base
from pipeline.rehearsal.proofs_on_swarm import damage_and_restore_bases, where
from tests.support.browser import PAGE_LIMIT, sign_in
from tests.support.live import prepared
from tests.support.pages import browser

SIZE = ViewportSize(width=1280, height=640)
QUIET = 2_000.0
"""Milliseconds."""


def restored(file: Path) -> None:
    """Deploy, damage and restore as a rehearsal does; take a picture of the base that came back."""
    with prepared("pictures") as live:
        live.do(deploy.deploy, live.s.d)
        base = live.do(damage_and_restore_bases, live.s)
        take(where(live.s), base, file)


def take(place: tuple[str, str, str], base: Base, file: Path) -> None:
    """Take a picture of a base as a user finds it.

    Args:
        place: NocoDB's URL, a user's address and password.
        base: the base to open.
        file: where the picture goes.
    """
    rows = re.compile(rf"/{base.table}/views/\w+\?")
    with browser() as started:
        page = started.new_page(viewport=SIZE)
        page.set_default_timeout(PAGE_LIMIT)
        sign_in(page, *place)
        with page.expect_response(rows):
            page.goto(f"{place[0]}/dashboard/#/nc/{base.id}/{base.table}")
        file.write_bytes(_still(page))


def _still(page: Page) -> bytes:
    """Return the picture once it has not changed for two seconds: no text says that a canvas is painted.

    Raises:
        TimeoutError: it goes on changing.
    """
    shown = b""
    for _ in range(round(PAGE_LIMIT / QUIET)):
        before, shown = shown, page.screenshot()
        if shown == before:
            return shown
        page.wait_for_timeout(QUIET)
    raise TimeoutError("the page goes on changing")
