"""The fields of what verbs print as JSON: those that docs/json.md lists, and those that a document has."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.machine.repository import REPOSITORY

Fields = dict[str, set[str]]
"""The types of each field by its path, such as `stacks[].name`; `lines[]` is an element of a list."""
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
TYPES = {"str": "string", "int": "integer", "bool": "boolean", "NoneType": "null", "dict": "object"}


def documented(heading: str) -> Fields:
    """Return the fields that the page lists right under a heading, with all types that it allows."""
    page = (REPOSITORY / "docs/json.md").read_text()
    [section] = re.findall(rf"^##+ {heading}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    return {path: kinds for row in ROW.findall(section) for path, kinds in _read(*row) if kinds}


def _read(path: str, words: str) -> Iterator[tuple[str, set[str]]]:
    """Yield a row's field and its elements, with types such as "list of strings or null"; a unit is none."""
    named = {each.strip() for each in re.split(r",| or ", words)} - {"time", "bytes"}
    yield path, {each.partition(" of ")[0] for each in named}
    yield f"{path}[]", {each.partition(" of ")[2].removesuffix("s") for each in named} - {""}


def found(documents: Iterable[Any]) -> Fields:
    """Return the fields of some documents with the types that their values have."""
    fields: Fields = {}
    for path, kind in (each for document in documents for each in _walk("", document)):
        fields.setdefault(path, set()).add(TYPES.get(kind, kind))
    return {path: kinds for path, kinds in fields.items() if path != "[]"}


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:
    within = value.items() if isinstance(value, dict) else [("[]", each) for each in value]
    for name, each in within:
        inner = f"{path}.{name}" if path and name != "[]" else path + name
        yield inner, type(each).__name__
        if isinstance(each, list | dict):
            yield from _walk(inner, each)
