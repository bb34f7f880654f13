"""Read a saved plan: the changes that it would make."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import ToolError
from pipeline.tofu import costs
from pipeline.tofu.costs import Cost

Action = Literal["create", "read", "update", "replace", "delete", "forget", "import", "move"]

DATABASE_RESOURCES = (
    'aws_instance.node["database"]',
    "aws_ebs_volume.postgres",
    "aws_volume_attachment.postgres",
)
"""The resources with the database: none is removed or replaced without a verified backup."""

NODES = ("aws_instance.node", *DATABASE_RESOURCES)
"""The nodes and the database's disk: the operator is asked before one is removed, replaced or stopped."""

GOES = frozenset({"delete", "replace", "forget"})
"""The actions that remove a resource, from AWS or from the state."""

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
    ("forget", "create"): "replace",
}
"""OpenTofu's JSON output format, "Change Representation", with OpenTofu's own forget."""


DEFERRED = "deferred "
"""The prefix of an action that the tool leaves to a later plan; the gate reads that plan too."""


UNREAD = ("attributes that were not read",)
"""Stands for an update's attributes where only its action is known: no gate may take them for none."""


@dataclass(frozen=True)
class Change:
    """One resource's change.

    Args:
        address: the resource's address.
        action: one of Action, a deferred action ("deferred create"), or an unknown action in words.
        previous: the address before a move.
        altered: the attributes that an update changes, without tags; UNREAD if nobody read them.
        retyped: the instance types before and after an update; empty if it keeps the type.
        shrunk: the sizes in GiB before and after an update that makes a disk smaller; else empty.
    """

    address: str
    action: str
    previous: str = ""
    altered: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    shrunk: tuple[int, ...] = ()

    def at(self, addresses: Iterable[str]) -> bool:
        """Tell whether one of the addresses (with all its instances) is the address now or before a move."""
        return any(within(here, there) for here in (self.address, self.previous) for there in addresses)

    def __str__(self) -> str:
        """The change in words."""
        words = f"{self.action} {self.address}"
        if not self.retyped:
            return words
        types = " to ".join(self.retyped)
        return f"{words} from {types}, by TF_VAR_instance_types: the node stops and starts again"


@dataclass(frozen=True)
class Plan:
    """A saved plan.

    Args:
        changes: the changes of resources.
        pending: whether there is anything to apply, including changed outputs.
        file: where the plan is saved, absolute or in the stack's folder.
        outputs: names of the outputs that change.
        costs: the changed resources that cost money.
    """

    changes: tuple[Change, ...] = ()
    pending: bool = True
    file: str = ""
    outputs: tuple[str, ...] = ()
    costs: tuple[Cost, ...] = ()

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
        return [c for c in self.changes if c.action in wanted and c.at(where)]

    @property
    def to_confirm(self) -> list[Change]:
        """The changes that remove, replace or stop a node or the database's disk: deploy asks before them."""
        return [c for c in self.changes if c.at(NODES) and (c.action in GOES or c.retyped)]

    @property
    def created(self) -> tuple[str, ...]:
        """The addresses of the resources that the plan creates."""
        return tuple(c.address for c in self.changes if c.action == "create")


def within(address: str, place: str) -> bool:
    """Tell whether an address is a place, such as aws_instance.node, or one of its instances."""
    return address == place or address.startswith(f"{place}[")


def read(text: str) -> Plan:
    """Read the output of `show -json PLAN`.

    Args:
        text: the JSON text.

    Returns:
        The plan, without reads of data sources and without no-ops.

    Raises:
        ToolError: the text is not a plan, or planning had failed.
    """
    try:
        document = json.loads(text)
        if document.get("errored"):
            raise ToolError("the saved plan is incomplete: planning failed", "fix the error, then plan again")
        return _plan(document)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ToolError("the saved plan could not be read", "plan again with a supported OpenTofu") from error


def _plan(document: dict[str, Any]) -> Plan:
    resources = document.get("resource_changes", [])
    put_off = [each["resource_change"] for each in document.get("deferred_changes", [])]
    changes = [change for each in resources for change in _changes(each)]
    changes += [Change(c.address, DEFERRED + c.action) for each in put_off for c in _changes(each)]
    changes += [
        Change(each["address"], "unknown (invoke)") for each in document.get("action_invocations", [])
    ]
    outputs = document.get("output_changes", {}).items()
    return Plan(
        tuple(changes),
        outputs=tuple(name for name, change in outputs if change["actions"] != ["no-op"]),
        costs=tuple(cost for each in resources for cost in costs.read(each)),
    )


def _changes(resource: dict[str, Any]) -> Iterable[Change]:
    address, change = resource["address"], resource["change"]
    previous = resource.get("previous_address") or ""
    actions = tuple(change["actions"])
    action = ACTIONS.get(actions, f"unknown ({'+'.join(actions)})")
    if action == "read":
        return
    if action == "update":
        yield Change(address, action, previous, _altered(change), _retyped(change), _shrunk(change))
    elif action is not None:
        yield Change(address, action, previous)
    if change.get("importing"):
        yield Change(address, "import", previous)
    if previous:
        yield Change(address, "move", previous)


def _altered(change: dict[str, Any]) -> tuple[str, ...]:
    before, after, unknown = (change.get(key) or {} for key in ("before", "after", "after_unknown"))
    names = sorted({*before, *after, *unknown})
    return tuple(n for n in names if unknown.get(n) or _untagged(before).get(n) != _untagged(after).get(n))


def _retyped(change: dict[str, Any]) -> tuple[str, ...]:
    """Return both instance types if they differ: EC2 changes the type of a stopped instance only."""
    types = [(change.get(key) or {}).get("instance_type") for key in ("before", "after")]
    return tuple(map(str, types)) if types[0] != types[1] else ()


def _shrunk(change: dict[str, Any]) -> tuple[int, ...]:
    """Return both sizes of a disk that gets smaller: EBS only makes disks larger."""
    before, after = (_size(change.get(key) or {}) for key in ("before", "after"))
    return (before, after) if 0 < after < before else ()


def _size(values: dict[str, Any]) -> int:
    """Return the GiB of a volume, or of an instance's root disk; 0 if the plan does not say them."""
    root = values.get("root_block_device") or [{}]
    return values.get("size") or root[0].get("volume_size") or 0


def _untagged(value: Any) -> Any:
    """Return a value without its tags, and without the tags of its blocks."""
    if isinstance(value, list):
        return [_untagged(each) for each in value]
    if isinstance(value, dict):
        return {key: _untagged(each) for key, each in value.items() if key not in ("tags", "tags_all")}
    return value
