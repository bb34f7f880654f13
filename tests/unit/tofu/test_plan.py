"""Plans read: every action, the database told from the rest, the costs."""

import json
from typing import Any

import pytest

from pipeline.errors import ToolError
from pipeline.machine.repository import REPOSITORY
from pipeline.tofu import plan
from pipeline.tofu.costs import PAID
from tests.support.recording import changing, plan_json

INFRASTRUCTURE = REPOSITORY / "infrastructure"
NODE = 'aws_instance.node["database"]'

Document = dict[str, Any]


def test_a_replacement_counts_as_creation_and_deletion() -> None:
    found = plan.read(plan_json(("a.one", "replace"), ("a.two", "update"), ("a.three", "forget")))
    assert found.counts() == {"create": 1, "update": 1, "delete": 1, "forget": 1}


@pytest.mark.parametrize("text", ["", "[]", '{"resource_changes": [{}]}', "not json"])
def test_what_is_no_plan_is_an_error_not_an_empty_plan(text: str) -> None:
    with pytest.raises(ToolError):
        plan.read(text)


def test_an_errored_plan_is_not_read() -> None:
    with pytest.raises(ToolError, match="incomplete"):
        plan.read('{"errored": true, "resource_changes": []}')


@pytest.mark.parametrize(
    ("address", "previous", "doomed"),
    [
        (NODE, "", True),
        ("aws_ebs_volume.postgres", "", True),
        ("aws_ebs_volume.postgres[0]", "", True),
        ("aws_volume_attachment.postgres", "", True),
        ("aws_ebs_volume.data", "aws_ebs_volume.postgres", True),
        ("aws_ebs_volume.postgres_old", "", False),
        ('aws_instance.node["database-2"]', "", False),
        ('aws_instance.node["manager"]', "", False),
    ],
)
@pytest.mark.parametrize("action", ["delete", "forget"])
def test_the_database_is_told_from_what_only_begins_alike_also_under_a_new_name(
    address: str, previous: str, doomed: bool, action: str
) -> None:
    found = plan.read(json.dumps(changing(action, address=address, previous_address=previous)))
    assert bool(found.touching({"delete", "replace", "forget"}, plan.DATABASE_RESOURCES)) == doomed


def test_the_databases_addresses_are_those_of_the_code() -> None:
    code = "".join(file.read_text() for file in INFRASTRUCTURE.glob("terraform/*.tf"))
    for address in plan.DATABASE_RESOURCES:
        kind, name = address.split("[")[0].split(".")
        assert f'resource "{kind}" "{name}"' in code


def paying(kind: str, actions: list[str], before: Any = None, after: Any = None) -> str:
    change = {"actions": actions, "before": before, "after": after}
    found = plan.read(
        json.dumps({"resource_changes": [{"address": f"{kind}.x", "type": kind, "change": change}]})
    )
    return "\n".join(map(str, found.costs))


SMALL = {
    "instance_type": "t3.small",
    "associate_public_ip_address": True,
    "root_block_device": [{"volume_size": 20, "volume_type": "gp3"}],
}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (
            paying("aws_instance", ["create"], None, SMALL),
            "+ aws_instance.x: instance t3.small, disk 20 GiB gp3, public IPv4 address",
        ),
        (
            paying("aws_ebs_volume", ["delete"], {"size": 20, "type": "gp3"}),
            "- aws_ebs_volume.x: volume 20 GiB gp3",
        ),
        (
            paying("aws_ebs_volume", ["update"], {"size": 20, "type": "gp3"}, {"size": 40, "type": "gp3"}),
            "~ aws_ebs_volume.x: volume 20 GiB gp3 → volume 40 GiB gp3",
        ),
        (paying("aws_ebs_volume", ["update"], {"size": 20, "tags": {}}, {"size": 20}), ""),
        (
            paying("aws_ebs_volume", ["delete", "create"], {"size": 1}, {"size": 2}),
            "± aws_ebs_volume.x: volume 2 GiB",
        ),
        (
            paying("aws_s3_bucket", ["create"], None, {}),
            "+ aws_s3_bucket.x: stored data and requests",
        ),
        (paying("aws_eip", ["create"], None, {}), "+ aws_eip.x: public IPv4 address, also of a stopped node"),
        (paying("aws_iam_role", ["create"], None, {}), ""),
        (paying("aws_instance", ["no-op"], SMALL, SMALL), ""),
    ],
)
def test_what_costs_money_is_told_with_its_size(told: str, line: str) -> None:
    assert told == line


@pytest.mark.parametrize("kind", PAID)
def test_only_what_a_stack_creates_has_a_price(kind: str) -> None:
    stacks = INFRASTRUCTURE.glob("terra*/*.tf")
    assert any(f'resource "{kind}"' in file.read_text() for file in stacks)


def test_of_an_update_the_altered_attributes_are_known_and_tags_are_none() -> None:
    disks = [[{"size": 20, "tags": tags}] for tags in ({"a": "b"}, {})]
    before = {"tags": {"a": "b"}, "disk": disks[0], "ami": "x", "same": 1}
    after = {"tags": {}, "disk": disks[1], "ami": "y", "same": 1}
    change = {"actions": ["update"], "before": before, "after": after, "after_unknown": {"ip": True}}
    found = plan.read(json.dumps({"resource_changes": [{"address": "a.b", "change": change}]}))
    assert found.changes[0].altered == ("ami", "ip")


def test_changed_outputs_are_known() -> None:
    outputs = {"nodes": {"actions": ["update"]}, "region": {"actions": ["no-op"]}}
    assert plan.read(json.dumps({"output_changes": outputs})).outputs == ("nodes",)
