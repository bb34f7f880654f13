"""Screens of a terminal as an SVG that plays them once: without a script, a font or anything from elsewhere.

It stays at the end. A reader who wants no motion, or whose viewer plays none, sees the end.
"""

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tests.support.pictures.screens import Row, Screen, Words
from tests.support.pictures.terminal import COLUMNS, ROWS

CELL, LINE, SIZE = 8.4, 19, 14
"""A character's width, a row's height and the size of the letters, in pixels."""
EDGE, BAR = 18, 38
"""The window's margin and the height of its title, in pixels."""
WIDTH, HEIGHT = round(COLUMNS * CELL) + 2 * EDGE, ROWS * LINE + BAR + EDGE
STRIP = ROWS * LINE

BACKGROUND, BORDER, TEXT, FAINT = "#10151d", "#3d4653", "#d8dee9", "#8b98a9"
COLOURS = {
    "black": FAINT,
    "red": "#ff7b72",
    "green": "#56d364",
    "brown": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
    "white": "#f0f6fc",
}
"""What a terminal's colours look like on that background; "brown" is what pyte calls yellow."""

STYLE = """
text {{
  font: {size}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: {text}
}}
.b {{ font-weight: 700 }}
.title {{ fill: {faint}; text-anchor: middle }}
@media (prefers-reduced-motion: no-preference) {{
  .film {{ animation: play {seconds}s steps({steps}) both }}
}}
@keyframes play {{ from {{ transform: none }} to {{ transform: translateY(-{far}px) }} }}
"""


def film(screens: Sequence[Screen], seconds: float, title: str) -> str:
    """Return the SVG.

    Args:
        screens: shown one after the other, each for the same time.
        seconds: how long it plays.
        title: stands in the window's title.
    """
    far = STRIP * (len(screens) - 1)
    root = Element(
        "svg", xmlns="http://www.w3.org/2000/svg", role="img", width=str(WIDTH), height=str(HEIGHT)
    )
    root.attrib["viewBox"] = f"0 0 {WIDTH} {HEIGHT}"
    SubElement(root, "title").text = title
    SubElement(root, "style").text = STYLE.format(
        size=SIZE, text=TEXT, faint=FAINT, seconds=seconds, steps=len(screens) - 1, far=far
    )
    _rows(SubElement(root, "defs"), screens)
    _window(root, title)
    inside = SubElement(root, "svg", x=str(EDGE), y=str(BAR), width=str(WIDTH - 2 * EDGE), height=str(STRIP))
    _strip(SubElement(inside, "g", {"class": "film", "transform": f"translate(0 -{far})"}), screens)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _names(screens: Sequence[Screen]) -> dict[Row, str]:
    """Name each row that is not empty: most are on many screens, and the file has each once."""
    rows = dict.fromkeys(row for screen in screens for row in screen if row)
    return {row: f"r{number}" for number, row in enumerate(rows)}


def _rows(defs: Element, screens: Sequence[Screen]) -> None:
    for row, name in _names(screens).items():
        group = SubElement(defs, "g", id=name)
        for words in row:
            _text(group, words)


def _text(parent: Element, words: Words) -> None:
    """Write words at their column: fonts differ in width, so their length is said."""
    place = {"x": f"{words.column * CELL:.1f}", "y": str(SIZE), "textLength": f"{len(words.text) * CELL:.1f}"}
    if words.bold:
        place["class"] = "b"
    if words.colour != "default":
        place["style"] = f"fill:{colour(words.colour)}"
    SubElement(parent, "text", place).text = words.text


def colour(name: str) -> str:
    """Return a terminal's colour as SVG has it."""
    return COLOURS.get(name.removeprefix("bright"), f"#{name}")


def _strip(parent: Element, screens: Sequence[Screen]) -> None:
    """Lay the screens below each other: the window shows one of them at a time."""
    names = _names(screens)
    for number, screen in enumerate(screens):
        for y, row in enumerate(screen):
            if row:
                SubElement(parent, "use", href=f"#{names[row]}", y=str(number * STRIP + y * LINE))


def _window(root: Element, title: str) -> None:
    box = {"x": "0.5", "y": "0.5", "width": str(WIDTH - 1), "height": str(HEIGHT - 1), "rx": "9"}
    SubElement(root, "rect", box, fill=BACKGROUND, stroke=BORDER)
    for number in range(3):
        SubElement(root, "circle", cx=str(EDGE + 6 + 20 * number), cy=str(BAR // 2), r="6", fill=BORDER)
    SubElement(root, "text", {"class": "title", "x": str(WIDTH // 2), "y": "24"}).text = title
