"""A saved plan, read: what it would do, and whether the gate lets it pass."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import PlanRefused, ToolError

Action = Literal["create", "read", "update", "replace", "delete", "forget", "import", "move"]

HARMLESS = frozenset({"create", "read", "update", "import", "move"})
"""What the gate of storage lets pass: nothing that exists is removed or lost from the state."""

ACTIONS: dict[tuple[str, ...], Action | None] = {
    ("no-op",): None,
    ("create",): "create",
    ("read",): "read",
    ("update",): "update",
    ("delete",): "delete",
    ("forget",): "forget",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("create", "forget"): "replace",
}
"""OpenTofu's JSON output format, "Change Representation", with OpenTofu's own forget."""


@dataclass(frozen=True)
class Change:
    """One resource's change."""

    address: str
    action: str

    def __str__(self) -> str:
        """The change in words."""
        return f"{self.action} {self.address}"


@dataclass(frozen=True)
class Plan:
    """A saved plan.

    Args:
        changes: of resources.
        pending: whether there is anything to apply, changed outputs included.
    """

    changes: tuple[Change, ...] = ()
    pending: bool = True

    def counts(self) -> dict[str, int]:
        """Count creations, updates, deletions; a replacement counts as both creation and deletion."""
        of = [change.action for change in self.changes]
        replaced = of.count("replace")
        return {
            "create": of.count("create") + replaced,
            "update": of.count("update"),
            "delete": of.count("delete") + replaced,
            "forget": of.count("forget"),
        }

    def touching(self, actions: Iterable[str], addresses: Iterable[str]) -> list[Change]:
        """Return the changes with one of the actions at one of the addresses (all instances)."""
        wanted, where = set(actions), tuple(addresses)
        return [c for c in self.changes if c.action in wanted and c.address.startswith(where)]

    def creates(self, address: str) -> bool:
        """Tell whether the plan creates this very resource."""
        return Change(address, "create") in self.changes


def read(text: str) -> Plan:
    """Read the output of `show -json PLAN`.

    Args:
        text: the JSON text.

    Returns:
        The plan's changes; reads of data sources and no-ops are left out.

    Raises:
        ToolError: it is not a plan, or an errored one.
    """
    try:
        document = json.loads(text)
        resources = document.get("resource_changes", [])
        changes = [change for each in resources for change in _changes(each)]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ToolError("the saved plan could not be read", "plan again with a supported OpenTofu") from error
    if document.get("errored"):
        raise ToolError("the saved plan is incomplete: planning failed", "mend the error and plan again")
    return Plan(tuple(changes))


def _changes(resource: dict[str, Any]) -> Iterable[Change]:
    address, change = resource["address"], resource["change"]
    actions = tuple(change["actions"])
    action = ACTIONS.get(actions, f"unknown ({'+'.join(actions)})")
    if action == "read":
        return
    if action is not None:
        yield Change(address, action)
    if change.get("importing"):
        yield Change(address, "import")
    if resource.get("previous_address"):
        yield Change(address, "move")


def gate_storage(plan: Plan) -> None:
    """Refuse whatever could lose a backup: any delete, replace, forget or unknown action.

    Raises:
        PlanRefused: with every change that is refused.
    """
    _refuse("storage", [c for c in plan.changes if c.action not in HARMLESS])


def gate_app(plan: Plan) -> None:
    """Refuse actions that this version does not know; the app may otherwise be changed.

    Raises:
        PlanRefused: with every change that is refused.
    """
    known = HARMLESS | {"delete", "replace", "forget"}
    _refuse("app", [c for c in plan.changes if c.action not in known])


def _refuse(stack: str, changes: list[Change]) -> None:
    if changes:
        what = f"{stack}: plan refused by the gate: {', '.join(map(str, changes))}"
        raise PlanRefused(what, "nothing was changed; change the code so that this is kept, and plan again")
