"""The proof: what came back, beside what the manifest says."""

import re
from collections.abc import Iterable, Iterator

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
            yield f"{_quoted(key[0])}.{_quoted(key[1])} {problem}"


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


def _quoted(name: str) -> str:
    """Return a name as SQL writes it, for people."""
    return name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
