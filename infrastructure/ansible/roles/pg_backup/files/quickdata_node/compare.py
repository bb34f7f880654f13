"""The comparison of the restored database with the manifest."""

import re
from collections.abc import Iterable, Iterator, Mapping

from quickdata_node.manifest import Table

PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
SHOWN = 20
"""Number of differences that the log shows. Its last line says how many there are."""


def differences(expected: Iterable[Table], actual: Iterable[Table]) -> Iterator[str]:
    """Yield a line for each table that differs."""
    before = {(table.schema, table.name): table for table in expected}
    after = {(table.schema, table.name): table for table in actual}
    for key in sorted(before.keys() | after.keys()):
        problem = _difference(before.get(key), after.get(key))
        if problem:
            yield _shown(f"{_quoted(key[0])}.{_quoted(key[1])} {problem}")


def differences_of_definitions(expected: Mapping[str, str], actual: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each object whose definition differs."""
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
    """Return a line that is safe in the log: a name may hold control characters."""
    return "".join(each if each.isprintable() else " " for each in line)


def _quoted(name: str) -> str:
    """Return a name as SQL writes it, for readers of the log."""
    return name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
