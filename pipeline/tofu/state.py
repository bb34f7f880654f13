"""Read a stack's state, as `state pull` prints it: outputs, resources, and half-created resources."""

import json
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import ToolError


@dataclass(frozen=True)
class State:
    """A state.

    Args:
        outputs: values by name.
        tainted: addresses of resources whose creation failed or was interrupted.
        lineage: the id of the state's history.
        serial: the number of the state's version.
        resources: the resources, as the state lists them.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    tainted: tuple[str, ...] = ()
    lineage: str = ""
    serial: int = 0
    resources: tuple[dict[str, Any], ...] = ()

    @property
    def empty(self) -> bool:
        """Tell whether the state has no resources."""
        return not self.resources

    @property
    def whole(self) -> frozenset[str]:
        """Return the addresses of the resources that it knows, without those that are half made."""
        managed = [each for each in self.resources if each.get("mode") == "managed"]
        known = {_address(each, instance) for each in managed for instance in each["instances"]}
        return frozenset(known - set(self.tainted))

    @property
    def bucket(self) -> str:
        """Return the bucket's name from storage's outputs; empty if there is none yet.

        The output was called bucket_name before. A state has that name until its next apply.
        """
        return str(self.outputs.get("s3_bucket_name") or self.outputs.get("bucket_name") or "")

    @property
    def version(self) -> str:
        """Return a text that identifies exactly this version of this state."""
        return f"{self.lineage} {self.serial}"


def read(text: str) -> State:
    """Read a state; an empty text is an empty state.

    Raises:
        ToolError: the text is not a state.
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
        raise ToolError("the state could not be read", "restore an earlier version of the state") from error


def _tainted(instance: dict[str, Any]) -> bool:
    return instance.get("status") == "tainted"


def _address(resource: dict[str, Any], instance: dict[str, Any]) -> str:
    key = instance.get("index_key")
    index = "" if key is None else f"[{json.dumps(key)}]"
    return f"{resource['type']}.{resource['name']}{index}"
