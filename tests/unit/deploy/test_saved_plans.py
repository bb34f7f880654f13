"""A deployment of saved plans: exactly what was shown, or a refusal."""

import json
from itertools import pairwise
from typing import Any

import pytest

from pipeline.deploy.order import deploy
from pipeline.errors import PipelineError, PlanRefused, StateLost, ToolError
from pipeline.states.ready import OVERRIDE
from tests.support.previews import (
    KEPT,
    MANIFEST,
    NODE,
    QUIET,
    applied,
    growing,
    refused,
    saved,
)
from tests.support.recording import (
    FreeCloud,
    RecordingRunner,
    deployment,
    plan_json,
    said_by_ansible,
    state_json,
)


async def test_the_saved_plans_are_applied_and_nothing_is_planned_anew() -> None:
    runner = await saved(growing() | growing("aws_s3_bucket_policy.backups", "storage"))
    await deploy(deployment(runner), KEPT)
    assert applied(runner) == {"storage: apply": "/kept/storage.tfplan", "app: apply": "/kept/app.tfplan"}
    assert not [name for name in runner.names if ": plan" in name]


async def test_what_a_first_deployment_writes_beside_the_code_does_not_make_its_plan_stale() -> None:
    """The plan came before the folder was made ready for where the states are kept."""
    runner = await saved({})
    await deploy(deployment(runner), KEPT)
    (command,) = {step.command for step in runner.steps if step.name == "code: list"}
    left_out = {name for option, name in pairwise(command) if option == "-name"}
    assert {OVERRIDE, "inventory.yml", "*.tfstate*", "*.pyc", ".*"} <= left_out


async def test_a_deferred_app_is_planned_and_gated_once_the_saved_storage_plan_is_applied() -> None:
    first = {"storage: state": (0, "")} | growing("aws_s3_bucket.backups", "storage") | growing()
    runner = await saved(first)
    await deploy(deployment(runner), KEPT)
    order = [name for name in runner.names if name.split(": ")[-1] in ("plan", "read plan", "apply")]
    assert order == ["storage: read plan", "storage: apply", "app: plan", "app: apply"]
    assert applied(runner)["storage: apply"] == "/kept/storage.tfplan"
    assert not applied(runner)["app: apply"].startswith("/kept")


async def test_nodes_end_by_a_plan_that_was_shown_and_not_by_one_that_was_deferred() -> None:
    ending = {"app: plan": (2, ""), "app: read plan": (0, plan_json((NODE, "replace")))}
    runner = await saved(ending)
    await deploy(deployment(runner), KEPT)
    assert applied(runner) == {"app: apply": "/kept/app.tfplan"}
    runner = await saved({"storage: state": (0, "")} | growing("aws_s3_bucket.backups", "storage") | ending)
    with pytest.raises(PlanRefused, match="these changes need a confirmation"):
        await deploy(deployment(runner), KEPT)
    assert "app: apply" not in applied(runner)


async def test_a_plan_without_changes_applies_nothing() -> None:
    runner = await saved({})
    await deploy(deployment(runner), KEPT)
    assert applied(runner) == {}
    assert not [name for name in runner.names if ": plan" in name]


CHANGED: dict[str, dict[str, Any]] = {
    "storage state has changed": {
        "storage: state": (0, json.dumps({**json.loads(state_json()), "serial": 9}))
    },
    "app's state has changed": {"app: state": (0, json.dumps({**json.loads(state_json()), "lineage": "x"}))},
    "files in infrastructure": {"code: read": (0, "a = 2\n")},
}


@pytest.mark.parametrize("said", CHANGED)
async def test_a_plan_of_other_states_or_other_code_is_refused(said: str) -> None:
    runner = await saved(growing())
    runner.answers |= CHANGED[said]
    error = await refused(runner)
    assert said in error.what
    assert "quickdata plan --out /kept" in error.fix


@pytest.mark.parametrize(
    ("what", "said"),
    [("suffix", "bucket_suffix"), ("account", "account"), ("region", "region"), ("inputs", "variables")],
)
async def test_a_plan_of_another_deployment_is_refused(what: str, said: str) -> None:
    runner = await saved(growing())
    manifest = json.loads(runner.files[MANIFEST])
    manifest["made_for"][what] = "another"
    runner.files[MANIFEST] = json.dumps(manifest)
    assert said in (await refused(runner)).what


NO_MANIFESTS = [
    "",
    "[]",
    "{}",
    "null",
    "[" * 100_000,
    '{"format": 1, "pending": {}, "made_for": {}}',
    '{"format": 2, "plans": {}, "deferred": ["app"], "made_for": {}}',
    '{"format": 2, "plans": ["app"], "deferred": ["storage"], "made_for": {}}',
    '{"format": 2, "plans": {"app": 1}, "deferred": ["storage"], "made_for": {}}',
    '{"format": 2, "plans": {}, "deferred": ["app", "storage"], "made_for": "x"}',
]


@pytest.mark.parametrize("text", NO_MANIFESTS)
async def test_what_is_no_manifest_is_refused(text: str) -> None:
    runner = await saved(growing())
    runner.files[MANIFEST] = text
    assert isinstance(await refused(runner), PlanRefused)


async def test_a_folder_without_a_manifest_is_refused() -> None:
    assert "has no manifest.json" in (await refused(RecordingRunner(QUIET))).what


@pytest.mark.parametrize("stack", ["storage", "app"])
async def test_the_gate_reads_the_saved_plan_again(stack: str) -> None:
    runner = await saved(growing())
    manifest = json.loads(runner.files[MANIFEST])
    manifest["plans"] = {name: {"pending": True, "sha256": ""} for name in ("storage", "app")}
    runner.files[MANIFEST] = json.dumps(manifest)
    action = "delete" if stack == "storage" else "teleport"
    runner.answers[f"{stack}: read plan"] = (0, plan_json(("aws_s3_bucket.backups", action)))
    assert isinstance(await refused(runner), PlanRefused)


async def test_a_plan_that_was_put_in_the_place_of_the_one_shown_is_refused() -> None:
    runner = await saved(growing() | {"app: saved plan's checksum": (0, "a" * 64 + "  app.tfplan")})
    runner.answers["app: saved plan's checksum"] = (0, "b" * 64 + "  app.tfplan")
    assert "not the plan that was shown: app.tfplan" in (await refused(runner)).what


async def test_a_folder_in_which_others_may_write_is_refused() -> None:
    runner = await saved(growing() | {"plan: who may write": (0, "/kept\n")})
    assert "can be changed by other users: /kept" in (await refused(runner)).what


async def test_a_lost_state_is_refused_with_a_saved_plan_too() -> None:
    runner = await saved(growing())
    assert isinstance(await refused(runner, FreeCloud(there=[("aws_vpc.main", "vpc-1")])), StateLost)


async def test_a_database_doomed_by_a_saved_plan_is_backed_up_first() -> None:
    doomed = {"app: plan": (2, ""), "app: read plan": (0, plan_json((NODE, "replace")))}
    runner = await saved(doomed)
    await deploy(deployment(runner), KEPT)
    assert runner.names.index("verify: restore and compare") < runner.names.index("app: apply")
    runner = await saved(doomed)
    runner.answers["backup"] = (1, said_by_ansible(""))
    with pytest.raises((ToolError, PipelineError)):
        await deploy(deployment(runner), KEPT)
    assert applied(runner) == {}
