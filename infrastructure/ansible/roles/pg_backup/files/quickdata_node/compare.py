"""The proof: what came back, beside what the manifest says."""

import re
from collections.abc import Iterable, Iterator, Mapping

from quickdata_node.manifest import Table

PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
SHOWN = 20
"""Differences that the log shows; their number is in the last line."""


def differences(expected: Iterable[Table], actual: Iterable[Table]) -> Iterator[str]:
    """Yield a line for each table that is not what it was."""
    before = {(table.schema, table.name): table for table in expected}
    after = {(table.schema, table.name): table for table in actual}
    for key in sorted(before.keys() | after.keys()):
        problem = _difference(before.get(key), after.get(key))
        if problem:
            yield _shown(f"{_quoted(key[0])}.{_quoted(key[1])} {problem}")


def differences_of_definitions(expected: Mapping[str, str], actual: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each object that is not defined as it was."""
    for name in sorted(expected.keys() | actual.keys()):
        if name not in actual:
            yield _shown(f"{name} is missing")
        elif name not in expected:
            yield _shown(f"{name} is not in the manifest")
        elif actual[name] != expected[name]:
            yield _shown(f"{name} is defined otherwise")


def _difference(expected: Table | None, actual: Table | None) -> str:
    if actual is None:
        return "is missing"
    if expected is None:
        return "is not in the manifest"
    if actual.kind != expected.kind:
        return f"is a {actual.kind} instead of a {expected.kind}"
    if actual.rows != expected.rows:
        return f"has {actual.rows} rows instead of {expected.rows}"
    return "" if actual.checksum == expected.checksum else "has the same number of rows, with other content"


def _shown(line: str) -> str:
    """Return a line for the log: anybody may have chosen a name in it."""
    return "".join(each if each.isprintable() else " " for each in line)


def _quoted(name: str) -> str:
    """Return a name as SQL writes it, for people."""
    return name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
