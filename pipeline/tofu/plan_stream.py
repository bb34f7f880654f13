"""A plan, read from the output of its own run: each resource and its action. The provider starts only once.

OpenTofu's documentation, "Machine-Readable UI": `planned_change`, `change_summary`, `outputs`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.steps.masks import MASK
from pipeline.tofu.plan import UNREAD, Change, Plan

Event = Mapping[str, Any]

ASIDE = frozenset(
    {
        "version",
        "log",
        "diagnostic",
        "resource_drift",
        "refresh_start",
        "refresh_complete",
        "apply_start",
        "apply_progress",
        "apply_complete",
    }
)
"""Messages about other things than changes. A plan "applies" the data sources that it reads."""

ACTIONS: Mapping[str, tuple[str, ...]] = {
    "create": ("create",),
    "read": (),
    "update": ("update",),
    "delete": ("delete",),
    "remove": ("forget",),
    "replace": ("replace",),
    "import": (),
    "move": (),
}
"""The actions of a `planned_change`. The tools write "noop" for actions that their stream has no word for."""

COUNTED: Mapping[str, tuple[str, ...]] = {
    "add": ("create", "replace"),
    "change": ("update",),
    "remove": ("delete", "replace"),
    "import": ("import",),
}
"""The counts of the summary. OpenTofu also counts forgotten resources, Terraform does not."""


def read(stdout: str) -> Plan | None:
    """Read what `plan -json` printed.

    Args:
        stdout: all of its lines.

    Returns:
        The plan, without costs and altered attributes. None if a line is unknown, if a mask may hide an
        address, or if the changes do not add up to the summary: then the saved file has to be read.
    """
    if MASK in stdout:
        return None
    try:
        return _plan([json.loads(line) for line in stdout.splitlines()])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _plan(events: list[Event]) -> Plan | None:
    told = [event for event in events if event["type"] not in ASIDE]
    changes = [change for event in told if event["type"] == "planned_change" for change in _changes(event)]
    summaries = [event["changes"] for event in told if event["type"] == "change_summary"]
    outputs = [event["outputs"] for event in told if event["type"] == "outputs"]
    understood = {"planned_change", "change_summary", "outputs"}.issuperset(event["type"] for event in told)
    if not understood or len(summaries) != 1 or not _adds_up(changes, summaries[0]):
        return None
    changed = [name for each in outputs for name, output in each.items() if output["action"] != "noop"]
    return Plan(tuple(changes), outputs=tuple(changed))


def _changes(event: Event) -> Iterator[Change]:
    change = event["change"]
    address = change["resource"]["addr"]
    previous = (change.get("previous_resource") or {}).get("addr", "")
    for action in ACTIONS[change["action"]]:
        yield Change(address, action, previous, UNREAD if action == "update" else ())
    if change.get("importing") is not None:
        yield Change(address, "import", previous)
    if previous:
        yield Change(address, "move", previous)


def _adds_up(changes: list[Change], summary: Mapping[str, Any]) -> bool:
    """Tell whether the changes are those that the tool has counted, and it has counted nothing else."""
    found = Counter(change.action for change in changes)
    expected = {name: sum(found[action] for action in actions) for name, actions in COUNTED.items()}
    counted = {name: count for name, count in summary.items() if name != "operation"}
    counted = {"forget": found["forget"], **counted}
    expected["forget"] = found["forget"]
    same = all(count == expected.get(name, 0) for name, count in counted.items())
    return same and summary["operation"] == "plan" and COUNTED.keys() <= counted.keys()
