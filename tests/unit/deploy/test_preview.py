"""What a deployment would do, and a deployment of saved plans: variants, seen by a runner that records."""

import json
from typing import Any

import pytest

from pipeline.deploy.order import deploy
from pipeline.deploy.preview import preview
from pipeline.errors import PlanRefused
from tests.support.previews import (
    KEPT,
    NODE,
    OLDER,
    PLAYBOOKS,
    QUIET,
    applied,
    growing,
    saved,
    seen,
    stats,
)
from tests.support.recording import (
    OUTPUTS,
    FreeCloud,
    RecordingRunner,
    deployment,
    outputs,
    plan_json,
    state_json,
)


async def test_a_deployment_as_it_should_be_has_no_changes_and_nothing_deferred() -> None:
    found = await seen()
    assert not found.changes
    assert not found.deferred
    assert [str(found.playbooks[name]) for name in PLAYBOOKS] == ["0 tasks would change something"] * 3


async def test_a_plan_applies_nothing_untaints_nothing_and_writes_into_its_folder_alone() -> None:
    runner = RecordingRunner(QUIET | growing() | {"storage: state": (0, state_json("aws_s3_bucket.backups"))})
    before = set(runner.files)
    await preview(deployment(runner), KEPT)
    words = {word for step in runner.steps for word in step.command}
    assert not words & {"apply", "untaint", "import"}
    assert all(path.startswith("/kept/") for path in set(runner.files) - before)


async def test_a_plan_runs_every_playbook_in_check_mode_only() -> None:
    runner = RecordingRunner(QUIET)
    await preview(deployment(runner), KEPT)
    plays = {step.command[-1]: step.command for step in runner.steps if step.command[-1] in PLAYBOOKS}
    assert set(plays) == set(PLAYBOOKS)
    assert all("--check" in command for command in plays.values())


async def test_what_an_interrupted_run_left_half_made_is_deferred_with_its_reason() -> None:
    found = await seen({"app: state": (0, state_json(NODE))})
    assert NODE in found.deferred["app"]
    assert found.changes
    found = await seen({"storage: state": (0, state_json("aws_s3_bucket.backups"))})
    assert set(found.deferred) == {"storage", "app", *PLAYBOOKS}
    assert "  storage: not known yet: deferred\n  app: not known yet" in found.page()
    assert "what costs money:\n  no changes" not in found.page()


async def test_the_app_is_deferred_when_storage_changes_what_it_reads() -> None:
    changing = {"resource_changes": [], "output_changes": {"s3_bucket_arn": {"actions": ["update"]}}}
    found = await seen({"storage: plan": (2, ""), "storage: read plan": (0, json.dumps(changing))})
    assert "s3_bucket_arn" in found.deferred["app"]
    assert set(found.plans) == {"storage"}


async def test_a_plan_on_a_state_with_older_outputs_changes_outputs_only_and_is_deployed_as_shown() -> None:
    renamed = {"bucket_name": {"actions": ["delete"]}, "s3_bucket_name": {"actions": ["create"]}}
    renaming = json.dumps({"resource_changes": [], "output_changes": renamed})
    found = await seen(OLDER | {"storage: plan": (2, ""), "storage: read plan": (0, renaming)})
    assert "storage: no resource, but outputs change" in found.page()
    assert found.deferred["app"] == "storage changes outputs that the app reads: bucket_name, s3_bucket_name"
    runner = await saved(OLDER | {"storage: plan": (2, ""), "storage: read plan": (0, renaming)})
    await deploy(deployment(runner), KEPT)
    assert applied(runner) == {"storage: apply": "/kept/storage.tfplan"}
    assert runner.names.index("storage: apply") < runner.names.index("app: plan")


async def test_the_bucket_of_a_state_with_older_outputs_is_not_created_first() -> None:
    runner = RecordingRunner(QUIET | OLDER)
    await deploy(deployment(runner))
    assert "app: plan" in runner.names
    assert not [name for name in runner.names if "-target" in name]


async def test_the_playbooks_are_deferred_when_the_app_changes_its_nodes_and_only_then() -> None:
    changing = json.loads(plan_json((NODE, "replace")))
    changing["output_changes"] = {"nodes": {"actions": ["update"]}}
    found = await seen({"app: plan": (2, ""), "app: read plan": (0, json.dumps(changing))})
    assert all("nodes" in found.deferred[name] for name in PLAYBOOKS)
    assert found.deferred["nocodb.yml"].endswith(
        "; a new image of a service with data waits for a verified backup"
    )
    assert set((await seen(growing())).playbooks) == set(PLAYBOOKS)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"ansible: ping": (4, "")}, "do not answer"),
        ({"app: outputs": (0, outputs({**OUTPUTS, "nodes": {}}))}, "no nodes yet"),
        ({"app: outputs": (0, "{}")}, "no nodes yet"),
    ],
)
async def test_without_nodes_that_answer_the_playbooks_are_deferred(
    answers: dict[str, Any], said: str
) -> None:
    found = await seen(answers)
    assert all(said in found.deferred[name] for name in PLAYBOOKS)
    assert found.changes


async def test_changed_tasks_are_counted_by_playbook() -> None:
    found = await seen({"ansible: nocodb.yml --check": (0, stats(2))})
    assert found.playbooks["nocodb.yml"].changed == 2
    assert "nocodb.yml: 2 tasks would change" in found.page()
    assert found.changes


def stack_file(**images: str) -> str:
    return json.dumps({"services": {name: {"image": image} for name, image in images.items()}})


async def test_an_upgrade_of_images_is_shown_with_old_and_new_tag() -> None:
    before = stack_file(db="postgres:18.4", nocodb="nocodb/nocodb:1")
    diff = {"before": before, "after": stack_file(db="postgres:18.5", nocodb="nocodb/nocodb:1")}
    header = {"before_header": "/opt/stack.yml", "after_header": "/tmp/x/stack.yml.j2"}
    answer = {
        "changed": True,
        "diff": [diff | header, {"before": "a", "after": "b", "before_header": "other"}],
    }
    event = {"_event": "v2_runner_on_ok", "task": {"name": "Write"}, "hosts": {"manager": answer}}
    found = await seen({"ansible: nocodb.yml --check": (0, f"{json.dumps(event)}\n{stats(1)}")})
    assert found.playbooks["nocodb.yml"].images == ("db: postgres:18.4 → postgres:18.5",)
    assert "\n  ~ db: postgres:18.4 → postgres:18.5\n" in found.page()


@pytest.mark.parametrize("before", ["", "no: [yaml", "services: 3", None])
async def test_a_stack_file_that_is_not_there_or_not_readable_shows_no_tags(before: str | None) -> None:
    diff = {"before": before, "after": stack_file(db="postgres:18.5"), "before_header": "stack.yml"}
    event = {"_event": "v2_runner_on_ok", "task": {"name": "Write"}, "hosts": {"manager": {"diff": [diff]}}}
    found = await seen({"ansible: nocodb.yml --check": (0, f"{json.dumps(event)}\n{stats(1)}")})
    assert found.playbooks["nocodb.yml"].images == ()


async def test_a_task_without_check_mode_is_told_not_guessed() -> None:
    skipped = {"msg": "remote module (x) does not support check mode", "skipped": True}
    event = {"_event": "v2_runner_on_skipped", "task": {"name": "Deploy it"}, "hosts": {"manager": skipped}}
    found = await seen({"ansible: nocodb.yml --check": (0, f"{json.dumps(event)}\n{stats(0)}")})
    assert found.playbooks["nocodb.yml"].unknown == ("Deploy it",)
    assert "cannot be predicted: Deploy it" in found.page()
    assert found.changes


async def test_a_playbook_that_check_mode_cannot_run_is_deferred_with_the_task_that_failed() -> None:
    event = {
        "_event": "v2_runner_on_failed",
        "task": {"name": "Join"},
        "hosts": {"database": {"msg": "no manager"}},
    }
    found = await seen({"ansible: swarm.yml --check": (2, json.dumps(event))})
    assert "Join (database): no manager" in found.deferred["swarm.yml"]
    assert set(found.playbooks) == {"nocodb.yml", "backup.yml"}


async def test_counts_alone_are_kept_for_gitlab() -> None:
    changes = plan_json(("a.a", "create"), ("a.b", "replace"), ("a.c", "update"), ("a.d", "forget"))
    runner = await saved({"app: plan": (2, ""), "app: read plan": (0, changes)})
    assert json.loads(runner.files["/kept/plan.json"]) == {"create": 2, "update": 1, "delete": 2}


@pytest.mark.parametrize("address", ["aws_s3_bucket.backups", "aws_s3_bucket_policy.backups"])
async def test_a_plan_that_the_gate_refuses_is_shown_and_not_kept(address: str) -> None:
    runner = RecordingRunner(
        QUIET | {"storage: plan": (2, ""), "storage: read plan": (0, plan_json((address, "delete")))}
    )
    found = await preview(deployment(runner), KEPT)
    assert f"delete {address}" in found.page().split("\ngate:")[1]
    with pytest.raises(PlanRefused, match=address):
        found.require_allowed()
    assert not [path for path in runner.files if path.startswith("/kept/")]


async def test_a_lost_state_is_a_refusal_of_the_plan() -> None:
    found = await seen(growing(), FreeCloud(there=[("aws_vpc.main", "vpc-1")]))
    with pytest.raises(PlanRefused, match="vpc-1"):
        found.require_allowed()


async def test_everything_that_is_refused_is_told_with_its_own_fix() -> None:
    deleting = {"storage: plan": (2, ""), "storage: read plan": (0, plan_json((NODE, "delete")))}
    found = await seen(growing() | deleting, FreeCloud(there=[("aws_vpc.main", "vpc-1")]))
    with pytest.raises(PlanRefused) as caught:
        found.require_allowed()
    lines = caught.value.what.splitlines()
    refusals = [at for at, line in enumerate(lines) if line.startswith("  ✗ ")]
    assert len(refusals) == 2
    assert NODE in lines[refusals[0]] and "vpc-1" in lines[refusals[1]]
    assert all(lines[at + 1].startswith("    → ") for at in refusals)


async def test_a_plan_that_fails_keeps_nothing() -> None:
    runner = RecordingRunner(QUIET | {"app: plan": (1, "")})
    with pytest.raises(ExceptionGroup):
        await preview(deployment(runner), KEPT)
    assert not [path for path in runner.files if path.startswith("/kept/")]
    assert "/kept/storage.tfplan" in runner.removed
