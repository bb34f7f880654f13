"""The inventory, made from outputs."""

import pytest
import yaml

from pipeline.ansible import inventory
from pipeline.errors import ToolError
from tests.support.recording import NODES, OUTPUTS, outputs


def test_every_node_is_in_the_group_of_its_role() -> None:
    worker = {"role": "worker", "public_ip": "198.51.100.3", "private_ip": "10.0.0.3", "instance_id": "i-3"}
    app = {**OUTPUTS, "nodes": {**NODES, "worker-1": worker}}
    children = yaml.safe_load(inventory.render(app, {}, {}))["all"]["children"]
    assert {name: list(group["hosts"]) for name, group in children.items()} == {
        "managers": ["manager"],
        "databases": ["database"],
        "workers": ["worker-1"],
    }
    assert children["workers"]["hosts"]["worker-1"]["ansible_host"] == "198.51.100.3"


def test_a_new_machine_at_an_old_address_is_another_host_to_ssh() -> None:
    found = yaml.safe_load(inventory.render(OUTPUTS, {}, {}))["all"]["children"]
    assert found["managers"]["hosts"]["manager"]["ansible_ssh_common_args"] == "-o HostKeyAlias=i-1"


def test_the_bucket_and_the_volume_come_from_the_outputs() -> None:
    found = yaml.safe_load(inventory.render(OUTPUTS, {}, {}))["all"]
    assert found["vars"]["backup_bucket"] == OUTPUTS["backup_bucket"]
    assert found["children"]["databases"]["hosts"]["database"]["data_volume_id"] == "vol-1"
    assert "data_volume_id" not in found["children"]["managers"]["hosts"]["manager"]


def test_the_bucket_is_read_under_its_older_name_until_the_apps_next_apply() -> None:
    older = {**OUTPUTS, "bucket_name": OUTPUTS["backup_bucket"]}
    del older["backup_bucket"]
    assert inventory.render(older, {}, {}) == inventory.render(OUTPUTS, {}, {})


def test_a_rehearsals_variables_win_over_none_of_the_outputs() -> None:
    text = inventory.render(OUTPUTS, {"node_is_real": False}, {"manager": {"node_prefix": "/x"}})
    found = yaml.safe_load(text)["all"]
    assert found["vars"]["node_is_real"] is False
    assert found["children"]["managers"]["hosts"]["manager"]["node_prefix"] == "/x"
    assert found["vars"]["aws_region"] == "eu-west-3"


@pytest.mark.parametrize("lost", ["manager", "database"])
def test_a_missing_node_is_an_error_that_names_it(lost: str) -> None:
    nodes = {name: node for name, node in NODES.items() if name != lost}
    with pytest.raises(ToolError, match=f"no {lost} node"):
        inventory.render({**OUTPUTS, "nodes": nodes}, {}, {})


def test_a_value_with_yaml_in_it_stays_a_value() -> None:
    app = {**OUTPUTS, "backup_bucket": "x: {y: !!python/name:os.system }"}
    found = yaml.safe_load(inventory.render(app, {}, {}))
    assert found["all"]["vars"]["backup_bucket"] == app["backup_bucket"]


def test_outputs_are_read_by_name() -> None:
    assert inventory.outputs(outputs({"a": 1})) == {"a": 1}
    assert inventory.outputs("") == {}


@pytest.mark.parametrize("text", ["[]", "nonsense", '{"a": 1}'])
def test_unreadable_outputs_are_an_error(text: str) -> None:
    with pytest.raises(ToolError):
        inventory.outputs(text)
