"""What `plan --json` prints, of every kind of plan, and that docs/json.md says the same."""

import json
from typing import Any

from pipeline.deploy.preview import preview
from pipeline.deploy.preview_document import document
from pipeline.deploy.upgrade import IMAGES
from tests.support.json_fields import documented, found
from tests.support.previews import KEPT, NODE, QUIET, first, growing, seen, stats
from tests.support.recording import (
    FreeCloud,
    RecordingRunner,
    deployment,
    plan_json,
    said_by_ansible,
    state_json,
)

TASK = {"_event": "v2_runner_on_ok", "task": {"name": "Write"}, "hosts": {"manager": {"changed": True}}}
SAME = {"_event": "v2_runner_on_ok", "task": {"name": "Read"}, "hosts": {"manager": {"changed": False}}}
SKIPPED = {"msg": "remote module (x) does not support check mode", "skipped": True}
UNKNOWN = {"_event": "v2_runner_on_skipped", "task": {"name": "Deploy"}, "hosts": {"manager": SKIPPED}}


def predicted(*events: dict[str, Any], changed: int = 0) -> tuple[int, str]:
    return 0, "\n".join([*map(json.dumps, events), stats(changed)])


async def plan_of(answers: dict[str, Any], cloud: FreeCloud | None = None) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(document(await seen(answers, cloud))))
    return read


async def test_resources_come_with_their_actions_and_playbooks_with_the_tasks_of_each_host() -> None:
    changes = plan_json(("aws_vpc.main", "create"), (NODE, "replace"))
    answers = {"app: plan": (2, ""), "app: read plan": (0, changes)}
    answers["ansible: swarm.yml --check"] = predicted(TASK, SAME, UNKNOWN, changed=1)
    plan = await plan_of(answers)
    app, swarm = plan["stacks"][1], plan["playbooks"][0]
    assert (plan["changes"], plan["allowed"], plan["refusals"]) == (True, True, [])
    assert [(each["address"], each["action"]) for each in app["resources"]] == [
        ("aws_vpc.main", "create"),
        (NODE, "replace"),
    ]
    assert app["counts"] == {"create": 2, "update": 0, "delete": 1, "forget": 0}
    assert app["confirm"] == [NODE]
    assert (swarm["changed"], swarm["unknown"]) == (1, ["Deploy"])
    assert swarm["hosts"] == [{"name": "manager", "tasks": ["Write"]}]


async def test_what_is_deferred_is_named_with_its_reason_and_nothing_else_is_claimed_of_it() -> None:
    plan = await plan_of({"app: state": (0, state_json(NODE))})
    assert [each["name"] for each in (*plan["stacks"], *plan["playbooks"])] == [
        *("storage", "app"),
        *("swarm.yml", "nocodb.yml", "backup.yml"),
    ]
    app = plan["stacks"][1]
    assert NODE in app["deferred"]
    assert (app["pending"], app["counts"], app["resources"]) == (None, None, [])
    assert {each["deferred"] for each in plan["playbooks"]} == {"the app is deferred"}
    assert {each["changed"] for each in plan["playbooks"]} == {None}
    assert plan["changes"] is True


async def test_a_plan_that_the_gate_refuses_says_what_and_what_to_do() -> None:
    changes = plan_json(("aws_s3_bucket.backups", "delete"))
    plan = await plan_of({"storage: plan": (2, ""), "storage: read plan": (0, changes)})
    assert plan["allowed"] is False
    [refusal] = plan["refusals"]
    assert "aws_s3_bucket.backups" in refusal["what"] and refusal["fix"]


async def plan_with_another_image() -> dict[str, Any]:
    listed = {"Name": "nocodb_db", "Image": "postgres:18.4", "Replicas": "1/1"}
    there = {"_event": "v2_runner_on_ok", "hosts": {"database": {"matched": 1}}}
    answers = {
        "ansible: images that run": (0, said_by_ansible(json.dumps(listed))),
        "ansible: data of PostgreSQL": (0, json.dumps(there)),
    }
    runner = RecordingRunner(QUIET | answers)
    runner.files[str(IMAGES)] = json.dumps({"images": {"db": "postgres:18.5", "nocodb": "nocodb:1"}})
    return document(await preview(deployment(runner), KEPT))


def rich_plan() -> str:
    """Return a plan with a move, an altered attribute, a cost and an output."""
    values = {"instance_type": "t3.small"}
    change = {"actions": ["update"], "before": values, "after": {"instance_type": "t3.large"}}
    known = {"address": NODE, "type": "aws_instance", "previous_address": "aws_instance.old"}
    outputs = {"nodes": {"actions": ["update"]}}
    return json.dumps({"resource_changes": [known | {"change": change}], "output_changes": outputs})


async def test_the_page_lists_every_field_with_its_type_and_no_other() -> None:
    before, after = (json.dumps({"services": {"db": {"image": f"postgres:{tag}"}}}) for tag in (1, 2))
    diff = {"before": before, "after": after, "before_header": "/opt/stack.yml"}
    written = TASK | {"hosts": {"manager": {"changed": True, "diff": [diff]}}}
    plans = [
        await plan_with_another_image(),
        await plan_of({"app: plan": (2, ""), "app: read plan": (0, rich_plan())}),
        await plan_of({"ansible: nocodb.yml --check": predicted(written, UNKNOWN, changed=1)}),
        await plan_of(growing(), FreeCloud(there=[("aws_vpc.main", "vpc-1")])),
        await plan_of({"app: plan": (2, ""), "app: read plan": (0, plan_json((NODE, "replace")))}),
        await plan_of({"app: state": (0, state_json(NODE))}),
        await plan_of(first()),
    ]
    assert found(plans) == documented("plan")
    assert plans[0]["playbooks"][1]["backup_first"] == ["db: postgres:18.4 → postgres:18.5"]
    [cost] = plans[1]["stacks"][1]["costs"]
    assert (cost["address"], cost["action"]) == (NODE, "update")
