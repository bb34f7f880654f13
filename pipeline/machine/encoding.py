"""What is written where the encoding lacks a character, such as ✓ in ASCII."""

import codecs

PLAIN = {
    "✓": "ok",
    "✗": "x",
    "■": "#",
    "→": "->",
    "…": "...",
    "·": "-",
    "\u2013": "-",
    "│": "|",
    "\u2019": "'",
}
TABLE = str.maketrans(PLAIN)
HANDLER = "quickdata"
"""Name of the error handler that streams are opened with."""


def spell_plainly(text: str) -> str:
    """Return a text with ASCII in the place of the marks that are used here."""
    return text.translate(TABLE)


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what an encoding lacks: marks by ASCII, everything else by an escape."""
    if isinstance(error, UnicodeEncodeError) and (plain := PLAIN.get(error.object[error.start])):
        return plain, error.start + 1
    if isinstance(error, UnicodeEncodeError):
        error.end = error.start + 1
    return codecs.backslashreplace_errors(error)


codecs.register_error(HANDLER, _replace)
