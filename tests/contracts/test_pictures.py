"""The pictures in README and docs: there, small, harmless, and made from what a terminal shows."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.machine.repository import REPOSITORY
from tests.support.documents import DOCUMENTS, links
from tests.support.pictures.screens import Words, screens
from tests.support.pictures.svg import BACKGROUND, COLOURS, FAINT, TEXT, colour, film
from tests.support.pictures.terminal import COLUMNS, ROWS, Recording, read, record

FOLDER = REPOSITORY / "docs/pictures"
LIMITS = {".svg": 150_000, ".png": 200_000}
"""How many bytes a picture may have: a README is read on slow lines too."""
SHAPES = {"svg", "title", "style", "defs", "g", "text", "use", "rect", "circle"}
FIRST = ["docs/pictures/rehearsal.svg", "docs/pictures/nocodb.png"]
DRAWN = sorted(FOLDER.glob("*.svg"))
README = ("README.md", "README.fr.md")


def local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def recording(*texts: str) -> Recording:
    return Recording("make rehearse", tuple((float(number + 1), text) for number, text in enumerate(texts)))


def test_every_picture_is_small_and_shown_on_a_page() -> None:
    shown = {(page.parent / link).resolve() for page in DOCUMENTS for link in links(page)}
    pictures = list(FOLDER.iterdir())
    assert [file.name for file in pictures if file.stat().st_size > LIMITS[file.suffix]] == []
    assert [file.name for file in pictures if file not in shown] == []


@pytest.mark.parametrize("name", README)
def test_the_readme_begins_with_a_rehearsal_and_the_restored_base(name: str) -> None:
    beginning = (REPOSITORY / name).read_text().partition("\n## ")[0]
    pictures = re.findall(r"^!\[([^\]]{40,})\]\(([^)]+)\)$", beginning, re.MULTILINE)
    assert [link for _, link in pictures] == FIRST


@pytest.mark.parametrize("file", DRAWN, ids=lambda file: file.name)
def test_a_drawn_picture_has_no_script_and_loads_nothing(file: Path) -> None:
    text = file.read_text()
    elements = list(ElementTree.fromstring(text).iter())
    attributes = [(local(name), value) for each in elements for name, value in each.items()]
    assert {local(each.tag) for each in elements} <= SHAPES
    assert [name for name, _ in attributes if name.startswith("on")] == []
    assert [value for name, value in attributes if name in ("href", "src") and value[0] != "#"] == []
    assert not re.search(r"url\(|@import|@font-face|<!|<\?", text)


def test_the_rehearsal_shows_what_make_announces_today() -> None:
    """A picture of an older run told other times and downloads than the page around it."""
    announced = subprocess.run(
        ["make", "-s", "announce"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    text = (FOLDER / "rehearsal.svg").read_text()
    drawn = {(each.text or "").strip() for each in ElementTree.fromstring(text).iter()}
    assert announced.stdout
    assert [line for line in announced.stdout.splitlines() if line.strip() not in drawn] == []


def test_the_pictures_are_found() -> None:
    """Otherwise nothing above would be looked at."""
    assert [REPOSITORY / FIRST[0]] == DRAWN


def test_the_first_screen_shows_the_command_and_the_last_one_the_end() -> None:
    shown = screens(recording("one\r\n", "two\r\n", "\x1b[1A\x1b[2K\x1b[1;32mdone\x1b[0m  in 3 s"), 3)
    rows = [[row for row in screen if row] for screen in shown]
    command = (Words(0, "$ make rehearse"),)
    assert rows[0] == [command]
    assert rows[-1] == [command, (Words(0, "one"),), (Words(0, "done", "green", True), Words(6, "in 3 s"))]


def test_what_scrolled_off_the_terminal_is_not_shown() -> None:
    shown = screens(recording(*(f"line {number}\r\n" for number in range(2 * ROWS))), 5)
    assert shown[-1][0] == (Words(0, f"line {ROWS + 1}"),)


def test_without_motion_the_picture_shows_the_end() -> None:
    shown = screens(recording("one\r\n", "two\r\n", "three"), 4)
    root = ElementTree.fromstring(film(shown, 1, "a title"))
    [strip] = [each for each in root.iter() if each.get("class") == "film"]
    height = int(next(each for each in root.iter() if each.get("y") == "38").attrib["height"])
    assert strip.get("transform") == f"translate(0 -{3 * height})"
    [style] = [each.text or "" for each in root.iter() if local(each.tag) == "style"]
    assert style.index("animation:") > style.index("(prefers-reduced-motion: no-preference)")


def luminance(name: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(name[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", [TEXT, FAINT, *COLOURS.values()])
def test_every_colour_can_be_read_on_the_background(name: str) -> None:
    """WCAG 2.2, success criterion 1.4.3."""
    assert (luminance(name) + 0.05) / (luminance(BACKGROUND) + 0.05) >= 4.5


def test_a_bright_colour_is_drawn_as_its_plain_one_and_any_other_as_it_is() -> None:
    assert colour("brightgreen") == colour("green") == COLOURS["green"]
    assert colour("ff8700") == "#ff8700"


def test_a_hostile_line_is_text_in_the_picture() -> None:
    drawn = film(screens(recording('<script>alert(1)</script> & "x"'), 2), 1, "<b>")
    texts = [each.text for each in ElementTree.fromstring(drawn).iter() if local(each.tag) == "text"]
    assert '<script>alert(1)</script> & "x"' in texts
    assert "<script" not in drawn


def test_a_command_is_recorded_at_a_terminal_and_kept(tmp_path: Path) -> None:
    size = "import os, sys; print(*os.get_terminal_size(), sys.stdout.isatty(), 'é')"
    made = record(f'{sys.executable} -c "{size}"', tmp_path, os.environ, 60)
    assert "".join(text for _, text in made.chunks).strip() == f"{COLUMNS} {ROWS} True é"
    made.write(tmp_path / "made.cast")
    assert read(tmp_path / "made.cast") == made


def test_a_command_that_fails_makes_no_picture(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code 3:\nbroken"):
        record("bash -c 'echo broken; exit 3'", tmp_path, os.environ, 60)
