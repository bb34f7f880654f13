"""A stack's state, as `state pull` prints it: its outputs, and what an interrupted run left half made."""

import json
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import ToolError


@dataclass(frozen=True)
class State:
    """What a state says.

    Args:
        outputs: values by name.
        tainted: addresses of the resources whose creation did not end well.
        lineage: what tells one state's history from another's.
        serial: counts what was written.
        resources: as the state lists them.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    tainted: tuple[str, ...] = ()
    lineage: str = ""
    serial: int = 0
    resources: tuple[dict[str, Any], ...] = ()

    @property
    def empty(self) -> bool:
        """Tell whether it knows of nothing that exists."""
        return not self.resources

    @property
    def whole(self) -> frozenset[str]:
        """Return the addresses of the resources that it knows, without those that are half made."""
        managed = [each for each in self.resources if each.get("mode") == "managed"]
        known = {_address(each, instance) for each in managed for instance in each["instances"]}
        return frozenset(known - set(self.tainted))

    @property
    def bucket(self) -> str:
        """Return the bucket that storage's outputs name; empty before there is one.

        Before s3_bucket_name, the output was bucket_name: a state is read under it until its next apply.
        """
        return str(self.outputs.get("s3_bucket_name") or self.outputs.get("bucket_name") or "")

    @property
    def version(self) -> str:
        """Return what tells this very state from any other, and from its own earlier versions."""
        return f"{self.lineage} {self.serial}"


def read(text: str) -> State:
    """Read a state; an empty text is an empty state.

    Raises:
        ToolError: it is not a state.
    """
    if not text.strip():
        return State()
    try:
        document = json.loads(text)
        outputs = {name: each["value"] for name, each in document.get("outputs", {}).items()}
        resources = document.get("resources", [])
        tainted = tuple(_address(r, i) for r in resources for i in r["instances"] if _tainted(i))
        lineage, serial = document.get("lineage", ""), document.get("serial", 0)
        return State(outputs, tainted, lineage, serial, tuple(resources))
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ToolError("the state could not be read", "bring back an earlier version of it") from error


def _tainted(instance: dict[str, Any]) -> bool:
    return instance.get("status") == "tainted"


def _address(resource: dict[str, Any], instance: dict[str, Any]) -> str:
    key = instance.get("index_key")
    index = "" if key is None else f"[{json.dumps(key)}]"
    return f"{resource['type']}.{resource['name']}{index}"
