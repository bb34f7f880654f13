"""The figures of a proof, as a page shows them: the telling ones first, then all of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.reporting.page import clock, thousands
from pipeline.units import duration, in_units

DEEP = 2
"""Parts of a figure's name from which on it is too special to be shown first."""

SHOWN = 100
"""How many values of one figure are shown; run.json has all."""

TELLING: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "tables": ("tables", thousands),
    "rows": ("rows", thousands),
    "mismatches": ("tables that differ", thousands),
    "bytes": ("size", in_units),
    "rpo_seconds": ("RPO", duration),
    "rto_seconds": ("RTO", clock),
    "seconds": ("time", clock),
    "nocodb_away_seconds": ("NocoDB was away", clock),
    "imported": ("imported", thousands),
    "removed": ("resources removed", thousands),
    "delete": ("resources removed", thousands),
    "backups": ("backups kept", thousands),
}
"""By the last part of a figure's name: what it is called, and how its value is written."""


def telling(proof: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the figures that a reader looks for, each with its name.

    Args:
        proof: a proof of run.json, words and figures.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for path, value in _leaves(proof):
        *parents, name = path
        if name in TELLING and len(parents) < DEEP and isinstance(value, int | float):
            written = TELLING[name][1](value)
            if written not in [each for _, each in found.setdefault(name, [])]:
                found[name].append((" ".join(parents), written))
    named = ((name, each) for name in TELLING for each in found.get(name, []))
    return [(_called(name, parent, found[name]), text) for name, (parent, text) in named]


def all_figures(proof: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return every figure of a proof as text, by its path in run.json."""
    return [(".".join(path), _text(value)) for path, value in _leaves(proof) if path != ("words",)]


def _called(name: str, parent: str, found: list[tuple[str, str]]) -> str:
    word = TELLING[name][0]
    return f"{parent} {word}" if parent and len(found) > 1 else word


def _leaves(value: Mapping[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in value.items():
        if isinstance(each, Mapping):
            yield from _leaves(each, *path, str(name))
        else:
            yield (*path, str(name)), each


def _text(value: object) -> str:
    if not isinstance(value, list | tuple):
        return str(value)
    more = f"\n… and {len(value) - SHOWN} more: run.json has them" if len(value) > SHOWN else ""
    return "\n".join(map(str, value[:SHOWN])) + more or "none"
