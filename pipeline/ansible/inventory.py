"""Ansible's inventory, written from the app's outputs."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.advice import placed
from pipeline.errors import ToolError

GROUPS = {"manager": "managers", "database": "databases", "worker": "workers"}

HEADER = (
    "# Written from the app's outputs by every verb that uses the nodes: changes in this file are lost.\n"
)

Variables = Mapping[str, Any]


def outputs(text: str) -> dict[str, Any]:
    """Return the values in the output of `output -json`, by name."""
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
        hosts: more variables, by host name.
        state: where the states are kept, as a value of `--state`.

    Raises:
        ToolError: the outputs have no manager or no database node.
    """
    nodes: Mapping[str, Mapping[str, Any]] = app.get("nodes") or {}
    missing = {"manager", "database"} - {node["role"] for node in nodes.values()}
    if missing:
        none = f"no {' and no '.join(sorted(missing))} node"
        what = f"the app's outputs have {none}: the app is not deployed, or only in part"
        raise ToolError(what, placed("`quickdata deploy` creates the missing nodes", state))
    # Until its next apply, an old state has the output under its former name.
    bucket = app.get("backup_bucket") or app["bucket_name"]
    variables = {"backup_bucket": bucket, "aws_region": app["region"]}
    variables["recovery_role"] = app.get("recovery_role_arn") or ""
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
        # SSH knows a machine by its id, because a new machine may get the address of an old one.
        "ansible_ssh_common_args": f"-o HostKeyAlias={node['instance_id']}",
    }
    return own | ({"data_volume_id": app["data_device_volume_id"]} if node["role"] == "database" else {})


def ssh_words(text: str) -> dict[str, tuple[str, ...]]:
    """Return by group the words by which SSH reaches its first node: options, then the user and the address.

    Args:
        text: an inventory that `render` has made.
    """
    groups = yaml.safe_load(text)["all"]["children"].items()
    return {name: _reach(next(iter(group["hosts"].values()))) for name, group in groups if group["hosts"]}


def _reach(host: Variables) -> tuple[str, ...]:
    options = shlex.split(host["ansible_ssh_common_args"])
    return (*options, f"{host['ansible_user']}@{host['ansible_host']}")
