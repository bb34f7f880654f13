"""Make the pictures that are named, or all: `make pictures PICTURES="rehearsal report"`."""

import sys
from collections.abc import Callable

from tests.support.pictures import nocodb, pages, rehearsal
from tests.support.pictures.pages import FOLDER


def make_rehearsal() -> None:
    rehearsal.rehearse()
    rehearsal.draw(FOLDER / "rehearsal.svg")


PICTURES: dict[str, Callable[[], None]] = {
    "rehearsal": make_rehearsal,
    "nocodb": lambda: nocodb.restored(FOLDER / "nocodb.png"),
    "report": lambda: pages.report(rehearsal.KEPT / "index.html"),
    "backups": lambda: pages.backups(rehearsal.KEPT),
}


if __name__ == "__main__":
    named = sys.argv[1:] or list(PICTURES)
    if unknown := [name for name in named if name not in PICTURES]:
        sys.exit(f"there is no picture {unknown[0]}; there are {', '.join(PICTURES)}")
    FOLDER.mkdir(exist_ok=True)
    for name in named:
        PICTURES[name]()
