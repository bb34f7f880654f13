"""Invisible characters in an input: errors name them, and a terminal stays readable."""

import unicodedata

from pipeline.settings.shown import shown

NAMES = {"\r": "a carriage return", "\n": "a newline", "\t": "a tab", " ": "a space"}
WINDOWS = "the file that sets it has Windows line endings; save that file with Unix line endings"


def unseen(value: str) -> str:
    """Return which invisible character a value has, where, and what to do; empty when it has none.

    Inner spaces do not count: a name may have them, and `repr` shows them.

    Args:
        value: an input. The returned text names only that character, so that no secret is shown.
    """
    where = [at for at, each in enumerate(value) if not each.isprintable()]
    where += [at for at in (0, len(value) - 1) if value[at:] and value[at] == " "]
    if not where:
        return ""
    if value.rstrip("\n").endswith("\r"):
        return f"ends with a carriage return: {WINDOWS}"
    at = max(where)
    place = "ends with" if at == len(value) - 1 else "has" if at else "begins with"
    return f"{place} {_named(value[at])}; set it again without this character"


def require_seen(value: str, secret: bool = False) -> str:
    """Return a value that has no invisible character.

    Args:
        value: an input.
        secret: the error does not show the value.

    Raises:
        ValueError: the value has an invisible character.
    """
    if said := unseen(value):
        raise ValueError(said if secret else f"{shown(value)} {said}")
    return value


def visible(text: str) -> str:
    """Return a line with every invisible character written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _named(character: str) -> str:
    if character in NAMES:
        return NAMES[character]
    if "\ud800" <= character <= "\udfff":
        return "a byte that is not UTF-8"
    name = unicodedata.name(character, "").lower()
    return f"a {name} (U+{ord(character):04X})" if name else f"the character U+{ord(character):04X}"
