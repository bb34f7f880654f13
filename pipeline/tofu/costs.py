"""The resources of a plan that cost money, with their type and size. Prices are on AWS's price lists."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]

MARKS = {("create",): "+", ("delete",): "-", ("update",): "~"}
"""Every other action is shown as a replacement: both resources may cost money for a time."""


@dataclass(frozen=True)
class Cost:
    """One resource that costs money.

    Args:
        mark: "+" for created, "-" for deleted, "~" for changed, "±" for replaced.
        address: the resource's address.
        what: what costs money, such as "t3.small, 20 GiB gp3".
    """

    mark: str
    address: str
    what: str

    def __str__(self) -> str:
        """The cost in one line."""
        return f"{self.mark} {self.address}: {self.what}"


def _instance(values: Values) -> str:
    words = [f"instance {values.get('instance_type') or 'of a type known after apply'}"]
    for disk in values.get("root_block_device") or []:
        words.append(f"disk {_disk(disk, 'volume_size', 'volume_type')}")
    if values.get("associate_public_ip_address"):
        words.append("public IPv4 address")
    return ", ".join(words)


def _volume(values: Values) -> str:
    return f"volume {_disk(values, 'size', 'type')}"


def _disk(values: Values, size: str, kind: str) -> str:
    return f"{values.get(size) or '?'} GiB {values.get(kind) or ''}".strip()


PAID: Mapping[str, Callable[[Values], str]] = {
    "aws_instance": _instance,
    "aws_ebs_volume": _volume,
    "aws_eip": lambda _: "public IPv4 address, also of a stopped node",
    "aws_s3_bucket": lambda _: "stored data and requests",
}
"""The resource types on AWS's price lists (Amazon EC2, EBS, S3), with a description of what costs money."""


def read(resource: Mapping[str, Any]) -> Iterator[Cost]:
    """Yield how a resource's change in a plan changes the bill; nothing if it does not.

    Args:
        resource: an element of the plan's resource_changes.
    """
    describe = PAID.get(resource.get("type", ""))
    actions = tuple(resource["change"]["actions"])
    if describe is None or actions in (("no-op",), ("read",), ("forget",)):
        return
    mark = MARKS.get(actions, "±")
    values = (resource["change"].get(key) for key in ("before", "after"))
    before, after = ("" if each is None else describe(each) for each in values)
    if mark != "~":
        yield Cost(mark, resource["address"], after or before)
    elif before != after:
        yield Cost(mark, resource["address"], f"{before} → {after}")
