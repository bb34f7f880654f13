"""Plans read, and the gate."""

import json

import pytest
from recording import plan_json

from pipeline import plan
from pipeline.errors import PlanRefused, ToolError
from pipeline.plan import Change

ALLOWED = ["create", "update", "read", "no-op"]
REFUSED = ["delete", "replace", "forget", "teleport"]


@pytest.mark.parametrize("action", ALLOWED)
def test_storage_may_grow_and_change(action: str) -> None:
    plan.gate_storage(plan.read(plan_json(("aws_s3_bucket.backups", action))))


@pytest.mark.parametrize("action", REFUSED)
def test_nothing_in_storage_may_go(action: str) -> None:
    with pytest.raises(PlanRefused, match=r"aws_s3_bucket_versioning\.backups"):
        plan.gate_storage(
            plan.read(plan_json(("a.ok", "create"), ("aws_s3_bucket_versioning.backups", action)))
        )


@pytest.mark.parametrize("action", [*ALLOWED, "delete", "replace", "forget"])
def test_the_app_may_go(action: str) -> None:
    plan.gate_app(plan.read(plan_json(("aws_instance.node", action))))


def test_an_action_that_nobody_knows_is_refused_for_the_app_too() -> None:
    with pytest.raises(PlanRefused, match="teleport"):
        plan.gate_app(plan.read(plan_json(("aws_instance.node", "teleport"))))


def test_a_refusal_names_every_change_at_once() -> None:
    found = plan.read(plan_json(("a.one", "delete"), ("a.two", "forget")))
    with pytest.raises(PlanRefused, match=r"delete a\.one, forget a\.two"):
        plan.gate_storage(found)


def test_a_replacement_counts_as_creation_and_deletion() -> None:
    found = plan.read(plan_json(("a.one", "replace"), ("a.two", "update"), ("a.three", "forget")))
    assert found.counts() == {"create": 1, "update": 1, "delete": 1, "forget": 1}


@pytest.mark.parametrize("actions", [["create", "delete"], ["delete", "create"], ["create", "forget"]])
def test_both_orders_of_a_replacement_are_one(actions: list[str]) -> None:
    text = json.dumps({"resource_changes": [{"address": "a.b", "change": {"actions": actions}}]})
    assert plan.read(text).changes == (Change("a.b", "replace"),)


def test_imports_and_moves_are_seen() -> None:
    imported = {"address": "a.i", "change": {"actions": ["no-op"], "importing": {"id": "x"}}}
    moved = {"address": "a.m", "previous_address": "a.old", "change": {"actions": ["no-op"]}}
    found = plan.read(json.dumps({"resource_changes": [imported, moved]}))
    assert found.changes == (Change("a.i", "import"), Change("a.m", "move"))
    plan.gate_storage(found)


@pytest.mark.parametrize("text", ["", "[]", '{"resource_changes": [{}]}', "not json"])
def test_what_is_no_plan_is_an_error_not_an_empty_plan(text: str) -> None:
    with pytest.raises(ToolError):
        plan.read(text)


def test_an_errored_plan_is_not_read() -> None:
    with pytest.raises(ToolError, match="incomplete"):
        plan.read('{"errored": true, "resource_changes": []}')


def test_addresses_match_all_instances_but_no_other_resource() -> None:
    found = plan.read(
        plan_json(('aws_instance.node["database"]', "delete"), ('aws_instance.node["manager"]', "delete"))
    )
    assert found.touching({"delete"}, ['aws_instance.node["database"]']) == [found.changes[0]]
