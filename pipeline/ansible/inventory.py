"""Ansible's inventory, made from the app's outputs."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.advice import placed
from pipeline.errors import ToolError

GROUPS = {"manager": "managers", "database": "databases", "worker": "workers"}

HEADER = (
    "# Made from the app's outputs, and again by every verb that reaches the nodes: a change here is lost.\n"
)

Variables = Mapping[str, Any]


def outputs(text: str) -> dict[str, Any]:
    """Read the output of `output -json`: values by name."""
    try:
        return {name: each["value"] for name, each in json.loads(text or "{}").items()}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ToolError("the outputs could not be read", "apply the stack again") from error


def render(
    app: Mapping[str, Any],
    common: Variables,
    hosts: Mapping[str, Variables],
    state: str = "local",
) -> str:
    """Return the inventory as YAML.

    Args:
        app: the app's outputs.
        common: variables for all hosts that the outputs do not have.
        hosts: further variables by host name.
        state: where the states are kept, as `--state` says it.

    Raises:
        ToolError: no manager or no database is among the nodes.
    """
    nodes: Mapping[str, Mapping[str, Any]] = app.get("nodes") or {}
    missing = {"manager", "database"} - {node["role"] for node in nodes.values()}
    if missing:
        none = f"no {' and no '.join(sorted(missing))} node"
        what = f"the app's outputs have {none}: it is not deployed, or only partly"
        raise ToolError(what, placed("`quickdata deploy` creates them", state))
    # A state that was last written under the older name is read until the next apply.
    bucket = app.get("backup_bucket") or app["bucket_name"]
    variables = {"backup_bucket": bucket, "aws_region": app["region"]}
    children: dict[str, Any] = {group: {"hosts": {}} for group in GROUPS.values()}
    for name, node in sorted(nodes.items()):
        own = {**_host(name, node, app), **hosts.get(name, {})}
        children[GROUPS[node["role"]]]["hosts"][name] = own
    everything = {"all": {"vars": {**variables, **common}, "children": children}}
    return HEADER + yaml.safe_dump(everything, sort_keys=False)


def _host(name: str, node: Mapping[str, Any], app: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        "ansible_host": node.get("public_ip") or node["private_ip"],
        "ansible_user": app["ssh_user"],
        "private_ip": node["private_ip"],
        # A machine is known by its id: a new one may well get an address that an old one had.
        "ansible_ssh_common_args": f"-o HostKeyAlias={node['instance_id']}",
    }
    return own | ({"data_volume_id": app["data_device_volume_id"]} if node["role"] == "database" else {})
