"""What a terminal shows at one moment after the other, as rows of text with their styles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import pyte

from tests.support.pictures.terminal import COLUMNS, ROWS, Recording


@dataclass(frozen=True)
class Words:
    """Neighbouring characters of one style.

    Args:
        column: where they begin, from 0.
        text: the characters.
        colour: a name of pyte's, such as "green", or six hexadecimal digits.
        bold: whether they are bold.
    """

    column: int
    text: str
    colour: str = "default"
    bold: bool = False


WORDS = re.compile(r"\S+(?: \S+)*")
"""What can be written in one: an SVG makes one space of many."""

Row = tuple[Words, ...]
Screen = tuple[Row, ...]


def screens(recording: Recording, count: int) -> list[Screen]:
    """Return what is shown at moments at equal distances: the first is the start, the last the end."""
    terminal = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(terminal)
    stream.feed(f"$ {recording.command}\r\n")
    found, chunks = [_shown(terminal)], list(recording.chunks)
    for number in range(1, count):
        until = recording.seconds * number / (count - 1)
        while chunks and (number == count - 1 or chunks[0][0] <= until):
            stream.feed(chunks.pop(0)[1])
        found.append(_shown(terminal))
    return found


def _shown(terminal: pyte.Screen) -> Screen:
    return tuple(tuple(_row(terminal, y)) for y in range(ROWS))


def _row(terminal: pyte.Screen, y: int) -> Iterator[Words]:
    cells = [(x, terminal.buffer[y][x]) for x in range(COLUMNS)]
    for (colour, bold), group in groupby(cells, lambda cell: (cell[1].fg, cell[1].bold)):
        members = list(group)
        text = "".join(cell.data for _, cell in members)
        for words in WORDS.finditer(text):
            yield Words(members[0][0] + words.start(), words[0], colour, bold)
