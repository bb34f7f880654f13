"""What `plan -json` prints of a plan, made from what `show -json` prints of it, as both tools do it."""

import json
from typing import Any

ACTIONS = {
    ("create",): "create",
    ("read",): "read",
    ("update",): "update",
    ("delete",): "delete",
    ("forget",): "remove",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}
"""internal/command/views/json/change.go; every other action is streamed as "noop"."""
COUNTS = {
    "create": ("add",),
    "update": ("change",),
    "delete": ("remove",),
    "replace": ("add", "remove"),
}
"""internal/command/views/operation.go."""


def told(shown: str) -> str:
    """Return the stream of a plan.

    Args:
        shown: what `show -json` prints of it.
    """
    document = json.loads(shown)
    counts = {"add": 0, "change": 0, "import": 0, "remove": 0, "operation": "plan"}
    events = [{"type": "version"}, {"type": "refresh_start"}]
    for resource in document.get("resource_changes", []):
        events += _planned(resource, counts)
    events.append({"type": "change_summary", "changes": counts})
    changed = document.get("output_changes", {})
    if changed:
        actions = {name: "".join(each["actions"]).replace("-", "") for name, each in changed.items()}
        events.append({"type": "outputs", "outputs": {n: {"action": a} for n, a in actions.items()}})
    events += [{"type": "deferred_change", "change": each} for each in document.get("deferred_changes", [])]
    invoked = document.get("action_invocations", [])
    events += [{"type": "planned_action_invocation", "action": each} for each in invoked]
    return "".join(f"{json.dumps(event)}\n" for event in events)


def _planned(resource: dict[str, Any], counts: dict[str, Any]) -> list[dict[str, Any]]:
    actions, importing = tuple(resource["change"]["actions"]), resource["change"].get("importing")
    previous = resource.get("previous_address")
    action = ACTIONS.get(actions, "noop")
    for count in COUNTS.get(action, ()):
        counts[count] += 1
    counts["import"] += importing is not None
    change: dict[str, Any] = {"resource": {"addr": resource["address"]}}
    if actions == ("no-op",):
        action = "move" if previous else "import" if importing else ""
    if not action:
        return []
    more = {"importing": importing} if importing else {}
    more |= {"previous_resource": {"addr": previous}} if previous else {}
    return [{"type": "planned_change", "change": {**change, "action": action, **more}}]
