"""A rehearsal as a new user has it: `make rehearse` in a fresh clone, recorded at a terminal."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.machine.repository import REPOSITORY
from tests.support.pictures.screens import screens
from tests.support.pictures.svg import film
from tests.support.pictures.terminal import Recording, read, record

FOLDER = Path("/tmp/quickdata")
"""Where the clone is, for it stands in the picture; one that is there already is refused."""
KEPT = REPOSITORY / "reports/pictures"
"""Where the recording and the reports of that rehearsal stay, for the other pictures."""
CAST = KEPT / "rehearsal.cast"
SILENCE = 300.0
"""Seconds: a rehearsal shows its progress all the time, but for the installation before it."""
SECONDS, SCREENS = 18, 73
"""How long the picture plays, and how many screens it has: one each quarter of a second."""


def rehearse() -> None:
    """Rehearse what is committed; keep the recording and the reports."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    with _clone() as folder:
        subprocess.run(["make", "install"], cwd=folder, env=environment, check=True)
        recording = record("make rehearse", folder, environment, SILENCE)
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(folder / "reports", KEPT)
    recording.write(CAST)


def draw(file: Path) -> None:
    """Draw the picture of the rehearsal that was kept.

    Raises:
        ValueError: a path of this machine is in it.
    """
    recording = read(CAST)
    text = film(screens(recording, SCREENS), SECONDS, _title(recording))
    for path in (REPOSITORY, Path.home()):
        if f"{path}/" in text:
            raise ValueError(
                f"{path} is in the picture of the rehearsal: it must show no path of this machine"
            )
    file.write_text(text)


@contextmanager
def _clone() -> Iterator[Path]:
    FOLDER.mkdir(mode=0o700)
    try:
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, FOLDER], check=True)
        _lay_history(FOLDER / "reports")
        yield FOLDER
    finally:
        shutil.rmtree(FOLDER)


def _lay_history(reports: Path) -> None:
    """A second run knows how long the first one took: the picture shows what is usual."""
    history = REPOSITORY / "reports/history.json"
    if history.exists():
        reports.mkdir()
        shutil.copy(history, reports)


def _title(recording: Recording) -> str:
    minutes, seconds = divmod(round(recording.seconds), 60)
    return f"{recording.command}: {minutes} min {seconds} s, shown in {SECONDS} s"
