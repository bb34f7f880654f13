"""What a deployment would do, and a deployment of saved plans: variants, seen by a runner that records."""

import json
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import Any

import anyio
import pytest
from click.testing import CliRunner

from pipeline.cli import console, main
from pipeline.deploy.order import deploy
from pipeline.deploy.preview import Preview, preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.errors import PipelineError, PlanRefused, StateLost, ToolError, most_telling
from tests.support.recording import (
    OUTPUTS,
    FreeCloud,
    RecordingRunner,
    deployment,
    outputs,
    plan_json,
    said_by_ansible,
    state_json,
)

NODE = 'aws_instance.node["database"]'
KEPT = SavedPlans(PurePosixPath("/kept"))
MANIFEST = "/kept/manifest.json"
PLAYBOOKS = ("swarm.yml", "nocodb.yml", "backup.yml")


def stats(changed: int) -> str:
    return json.dumps({"_event": "v2_playbook_on_stats", "stats": {"manager": {"ok": 3, "changed": changed}}})


QUIET = {
    "storage: state": (0, state_json()),
    "storage: plan": (0, ""),
    "app: state": (0, state_json()),
    "app: plan": (0, ""),
    "code: list": (0, "infrastructure/terraform/main.tf\n"),
    "code: read": (0, "a = 1\n"),
    **{f"ansible: {name} --check": (0, stats(0)) for name in PLAYBOOKS},
}
"""A deployment that is as it should be."""
OLDER = {"storage: state": (0, state_json().replace("s3_bucket_name", "bucket_name"))}
"""The same, last deployed when storage's outputs had other names."""


def growing(address: str = "aws_vpc.main", stack: str = "app") -> dict[str, Any]:
    return {f"{stack}: plan": (2, ""), f"{stack}: read plan": (0, plan_json((address, "create")))}


async def seen(answers: dict[str, Any] | None = None, cloud: FreeCloud | None = None) -> Preview:
    return await preview(deployment(RecordingRunner(QUIET | (answers or {})), cloud), KEPT)


async def saved(answers: dict[str, Any]) -> RecordingRunner:
    """Return a runner in whose folder plans are kept, as if it had run nothing yet."""
    runner = RecordingRunner(QUIET | answers)
    await preview(deployment(runner), KEPT)
    runner.steps.clear()
    runner.ended.clear()
    return runner


async def refused(runner: RecordingRunner, cloud: FreeCloud | None = None) -> PipelineError:
    with pytest.raises((PipelineError, ExceptionGroup)) as caught:
        await deploy(deployment(runner, cloud), KEPT)
    error = most_telling(caught.value)
    assert isinstance(error, PipelineError)
    assert error.exit_code == 3
    assert not [name for name in runner.names if name.endswith(": apply")]
    return error


def applied(runner: RecordingRunner) -> dict[str, str]:
    return {step.name: step.command[-1] for step in runner.steps if step.name.endswith(": apply")}


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
    assert found.deferred["app"] == "storage changes what it reads: bucket_name, s3_bucket_name"
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
        "; another image of what holds data waits for a verified backup"
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
    assert "cannot be known beforehand: Deploy it" in found.page()
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


async def test_the_saved_plans_are_applied_and_nothing_is_planned_anew() -> None:
    runner = await saved(growing() | growing("aws_s3_bucket_policy.backups", "storage"))
    await deploy(deployment(runner), KEPT)
    assert applied(runner) == {"storage: apply": "/kept/storage.tfplan", "app: apply": "/kept/app.tfplan"}
    assert not [name for name in runner.names if ": plan" in name]


async def test_a_deferred_app_is_planned_and_gated_once_the_saved_storage_plan_is_applied() -> None:
    first = {"storage: state": (0, "")} | growing("aws_s3_bucket.backups", "storage") | growing()
    runner = await saved(first)
    await deploy(deployment(runner), KEPT)
    order = [name for name in runner.names if name.split(": ")[-1] in ("plan", "read plan", "apply")]
    assert order == ["storage: read plan", "storage: apply", "app: plan", "app: read plan", "app: apply"]
    assert applied(runner)["storage: apply"] == "/kept/storage.tfplan"
    assert not applied(runner)["app: apply"].startswith("/kept")


async def test_nodes_end_by_a_plan_that_was_shown_and_not_by_one_that_was_deferred() -> None:
    ending = {"app: plan": (2, ""), "app: read plan": (0, plan_json((NODE, "replace")))}
    runner = await saved(ending)
    await deploy(deployment(runner), KEPT)
    assert applied(runner) == {"app: apply": "/kept/app.tfplan"}
    runner = await saved({"storage: state": (0, "")} | growing("aws_s3_bucket.backups", "storage") | ending)
    with pytest.raises(PlanRefused, match="this needs an agreement"):
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
    assert "not the one that was shown: app.tfplan" in (await refused(runner)).what


async def test_a_folder_in_which_others_may_write_is_refused() -> None:
    runner = await saved(growing() | {"plan: who may write": (0, "/kept\n")})
    assert "can be written by others: /kept" in (await refused(runner)).what


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


def typed(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], *arguments: str
) -> tuple[int, str, RecordingRunner]:
    """Type `quickdata plan` where a recording runner stands for AWS."""
    runner = RecordingRunner(QUIET | answers)

    d = deployment(runner)
    monkeypatch.setattr(console, "run", lambda work, *_: anyio.run(work, d.progress, d.report))
    monkeypatch.setattr(console.TerminalCall, "deployment", lambda _: nullcontext(d))
    done = CliRunner().invoke(main, ["plan", *arguments])
    return done.exit_code, done.output, runner


REFUSED = {
    "storage: plan": (2, ""),
    "storage: read plan": (0, plan_json(("aws_s3_bucket.backups", "delete"))),
}


@pytest.mark.parametrize(
    ("answers", "options", "code"),
    [
        ({}, ["--detailed-exitcode"], 0),
        (growing(), [], 0),
        (growing(), ["--detailed-exitcode"], 2),
        ({"ansible: ping": (4, "")}, ["--detailed-exitcode"], 2),
        ({"ansible: swarm.yml --check": (0, stats(1))}, ["--detailed-exitcode"], 2),
        (REFUSED, [], 3),
        (REFUSED, ["--detailed-exitcode"], 3),
    ],
)
def test_the_exit_code_tells_changes_only_when_asked_and_a_refusal_always(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: dict[str, Any], options: list[str], code: int
) -> None:
    ended, said, _ = typed(monkeypatch, answers, "--out", str(tmp_path / "new"), *options)
    assert ended == code, said
    assert "what costs money:" in said
    assert "gate:" in said


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine").touch()
    code, said, runner = typed(monkeypatch, {}, "--out", str(tmp_path))
    assert (code, runner.steps) == (2, [])
    assert "something else than a plan" in said


OURS = {"manifest.json": '{"format": 1, "made_for": {}}', "plan.json": "{}", "app.tfplan": ""}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, 0),
        (OURS, 0),
        (OURS | {"index.html": ""}, 2),
        (OURS | {"manifest.json": '{"name": "a web app", "icons": []}'}, 2),
        (OURS | {"manifest.json": "[]"}, 2),
        (OURS | {"manifest.json": ""}, 2),
        ({"plan.json": "{}"}, 2),
    ],
)
def test_a_folder_is_taken_when_it_is_empty_or_holds_plans_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], code: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ended, said, runner = typed(monkeypatch, {}, "--out", str(tmp_path))
    assert ended == code, said
    assert (code == 0) == bool(runner.steps)


def test_a_folder_that_cannot_be_looked_into_is_wrong_input(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said, runner = typed(monkeypatch, {}, "--out", "x" * 300)
    assert (code, runner.steps) == (2, [])
    assert "cannot be looked into (File name too long)" in said


@pytest.mark.parametrize("wrong", [REFUSED, {"app: plan": (1, "")}])
@pytest.mark.parametrize("made", ["install: creating directory '/kept'\n", ""])
async def test_a_folder_that_was_made_for_a_plan_that_is_not_kept_goes_again(
    wrong: dict[str, Any], made: str
) -> None:
    runner = RecordingRunner(QUIET | wrong | {"plan: folder": (0, made)})
    try:
        assert (await preview(deployment(runner), KEPT)).refusals
    except ExceptionGroup:
        assert wrong is not REFUSED
    gone = [step.command[-1] for step in runner.steps if step.command[0] == "rmdir"]
    assert gone == (["/kept"] if made else [])


def test_deploy_wants_a_folder_that_is_there() -> None:
    assert CliRunner().invoke(main, ["deploy", "--plan", "/no/such/folder"]).exit_code == 2
