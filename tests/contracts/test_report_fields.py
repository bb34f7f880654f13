"""The fields of run.json: docs/report.md lists all that a report has, and no other."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.machine.repository import REPOSITORY
from tests.support.reports import document, error, rehearsed, step

ROW = re.compile(r"^\| ((?:`[^`]+`(?:, )?)+) \|", re.MULTILINE)
NAMED = ("facts.locks", "facts.versions", "steps[].changed", "plans[].counts", "proofs")
"""The fields whose names are those of files, tools, nodes, actions and proofs."""


def documented() -> set[str]:
    _, _, section = (REPOSITORY / "docs/report.md").read_text().partition("## The fields of run.json")
    return {name for row in ROW.findall(section) for name in re.findall(r"`([^`]+)`", row)}


def any_name(path: str) -> str:
    """Return a path with * in the place of a name of the run's own."""
    for place in NAMED:
        if path.startswith(f"{place}."):
            own = path.removeprefix(f"{place}.")
            return f"{place}.*" + (re.search(r"(\[\]|\.words)?$", own) or own)[0]
    return path


def fields(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all values that are neither objects nor lists."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from fields(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from fields(each, f"{path}[]")
    else:
        yield path


def test_every_field_of_a_report_is_documented_and_no_other() -> None:
    failed = document(
        steps=[step("a", 0, 1, last_lines=["no"], changed={"manager": ["Install"]})],
        findings=["✗ bucket"],
        previous={"seconds": 1.0, "steps": [{"name": "a", "seconds": 1.0}]},
        **error("no", last_lines=("no",)),
    )
    found = {any_name(path) for run in (rehearsed(), failed) for path in fields(run)}
    figures = {path for path in found if path.startswith("proofs.*") and path != "proofs.*.words"}
    assert found - figures | {"error", "previous"} == documented()
