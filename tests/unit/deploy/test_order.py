"""The order of a deployment, seen by a runner that records."""

import json

import anyio
import pytest

from pipeline.backups.node import verify
from pipeline.deploy.order import deploy
from pipeline.errors import (
    BucketTaken,
    PipelineError,
    PlanRefused,
    ToolError,
    most_telling,
)
from pipeline.steps.step import Result, Step
from tests.support.recording import (
    OUTPUTS,
    FreeCloud,
    RecordingRunner,
    deployment,
    outputs,
    plan_json,
    state_json,
)
from tests.support.second_run import DATABASE, SECOND, in_order


async def failing(runner: RecordingRunner, cloud: FreeCloud | None = None) -> PipelineError:
    with pytest.raises((PipelineError, ExceptionGroup)) as caught:
        await deploy(deployment(runner, cloud))
    error = most_telling(caught.value)
    assert isinstance(error, PipelineError)
    return error


async def test_storage_is_planned_gated_and_its_bucket_applied_before_the_app_is_planned() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    assert in_order(
        runner, "storage: init", "storage: plan", "storage: read plan", "storage: apply", "app: plan"
    )
    assert in_order(runner, "app: init", "app: plan", "app: read plan", "app: apply", "app: outputs")


async def test_the_app_reads_the_storage_state_while_nobody_writes_it() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    last_apply = len(runner.names) - 1 - runner.names[::-1].index("storage: apply")
    assert runner.names.index("app: plan") < last_apply
    assert runner.names.index("storage: apply") < runner.names.index("app: plan")


async def test_playbooks_follow_the_app_and_the_swarm_comes_first() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    for last in ("ansible: nocodb.yml", "ansible: backup.yml"):
        assert in_order(runner, "app: outputs", "ansible: nodes answer", "ansible: swarm.yml", last, "backup")


class SlowStorage(RecordingRunner):
    """Its second apply of storage ends only when NocoDB's playbook has ended."""

    async def run(self, step: Step) -> Result:
        if step.name == "storage: apply" and "app: plan" in self.names:
            with anyio.fail_after(10):
                while "ansible: nocodb.yml" not in self.ended:
                    await anyio.lowlevel.checkpoint()
        return await super().run(step)


async def test_backup_yml_waits_for_all_of_storage_and_nocodb_does_not() -> None:
    runner = SlowStorage()
    await deploy(deployment(runner))
    assert runner.ended[-5:-2] == ["ansible: nocodb.yml", "storage: apply", "ansible: backup.yml"]


async def test_backup_yml_does_not_wait_for_nocodb() -> None:
    runner = RecordingRunner(SECOND)
    await deploy(deployment(runner))
    assert runner.names[-4:-2] == ["ansible: nocodb.yml", "ansible: backup.yml"]


async def test_a_deployment_ends_with_the_proof_that_the_backup_comes_back() -> None:
    runner = RecordingRunner()
    done = await deploy(deployment(runner))
    assert runner.names[-2:] == ["backup", "verify: restore and compare"]
    assert done.proof["comparison"]["mismatches"] == 0


async def test_the_very_backup_that_was_taken_is_the_one_compared() -> None:
    runner = RecordingRunner()
    await verify(deployment(runner))
    assert "--id b1 --verify" in " ".join(runner.steps[-1].command)


@pytest.mark.parametrize("action", ["delete", "replace", "forget", "teleport"])
async def test_a_storage_plan_that_could_lose_a_backup_is_never_applied(action: str) -> None:
    refused = (0, plan_json(("aws_s3_bucket.backups", action)))
    runner = RecordingRunner({**SECOND, "storage: plan": (2, ""), "storage: read plan": refused})
    error = await failing(runner)
    assert isinstance(error, PlanRefused)
    assert error.exit_code == 3
    assert not [name for name in runner.names if name.endswith("apply")]


@pytest.mark.parametrize(
    "address",
    [
        "aws_s3_bucket.backups",
        "aws_s3_bucket_versioning.backups",
        DATABASE,
        "aws_ebs_volume.postgres",
        'aws_instance.node["manager"]',
    ],
)
async def test_what_an_interrupted_run_left_half_made_is_kept_not_replaced(address: str) -> None:
    stack = "storage" if "s3" in address else "app"
    runner = RecordingRunner({**SECOND, f"{stack}: state": (0, state_json(address))})
    await deploy(deployment(runner))
    assert in_order(runner, f"{stack}: state", f"{stack}: untaint {address}", f"{stack}: plan")


async def test_what_is_half_made_and_no_node_is_simply_made_anew() -> None:
    runner = RecordingRunner({**SECOND, "app: state": (0, state_json("aws_key_pair.admin"))})
    await deploy(deployment(runner))
    assert not [name for name in runner.names if "untaint" in name]


async def test_saved_plans_do_not_stay_and_two_runs_have_two_names() -> None:
    first, second = RecordingRunner(), RecordingRunner({"app: plan": (1, "")})
    await deploy(deployment(first))
    await failing(second)
    plans = {step.command[-1] for step in first.steps if step.name.endswith(": apply")}
    removed, others = ([p for p in each.removed if p.endswith(".tfplan")] for each in (first, second))
    assert {path.split("/")[-1] for path in removed} == plans
    assert len(others) == 2
    assert not set(removed) & set(others)


async def test_a_refused_storage_plan_keeps_the_app_from_being_applied_too() -> None:
    refused = (0, plan_json(("aws_s3_bucket_policy.backups", "delete")))
    runner = RecordingRunner(
        {**SECOND, "storage: plan": (2, ""), "storage: read plan": refused, "app: plan": (2, "")}
    )
    await failing(runner)
    assert "app: apply" not in runner.names


async def test_only_saved_plans_are_applied() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    applied = [step.command for step in runner.steps if step.name.endswith(": apply")]
    assert len(applied) == 3
    assert all(command[-1].endswith(".tfplan") and "-auto-approve" not in command for command in applied)


async def test_a_second_deployment_without_changes_applies_nothing() -> None:
    quiet = json.dumps({"_event": "v2_playbook_on_stats", "stats": {"manager": {"ok": 3, "changed": 0}}})
    playbooks = {f"ansible: {name}.yml": (0, quiet) for name in ("swarm", "nocodb", "backup")}
    runner = RecordingRunner({**SECOND, **playbooks})
    done = await deploy(deployment(runner))
    assert done.nothing_changed
    assert not [name for name in runner.names if name.endswith("apply")]


async def test_a_changed_task_counts_as_a_change() -> None:
    done = await deploy(deployment(RecordingRunner(SECOND)))
    assert not done.nothing_changed


async def test_a_plan_that_changes_only_outputs_is_applied() -> None:
    runner = RecordingRunner({**SECOND, "app: plan": (2, ""), "app: read plan": (0, plan_json())})
    await deploy(deployment(runner))
    assert "app: apply" in runner.names


async def test_a_bucket_of_somebody_else_stops_the_run_before_anything_is_created() -> None:
    runner = RecordingRunner()
    error = await failing(runner, FreeCloud(BucketTaken("taken", "choose another")))
    assert error.exit_code == 3
    assert not [name for name in runner.names if name.endswith("apply")]


async def test_the_bucket_asked_for_is_the_one_that_terraform_would_create() -> None:
    cloud = FreeCloud()
    await deploy(deployment(RecordingRunner(), cloud))
    assert cloud.asked == ["quickdata-pg-backups-storage-bucket-ppr", "ppr", "ppr"]


async def test_what_is_not_ready_is_found_before_the_first_step_of_a_stack() -> None:
    runner = RecordingRunner({"check: vault": (1, "")})
    await failing(runner)
    assert all(name.startswith("check: ") for name in runner.names)


async def test_zero_hosts_is_an_error_before_any_playbook() -> None:
    runner = RecordingRunner({"app: outputs": (0, outputs({**OUTPUTS, "nodes": {}}))})
    error = await failing(runner)
    assert "the app is not deployed, or only in part" in error.what
    assert not [name for name in runner.names if name.startswith("ansible: ")]


async def test_a_playbook_that_configured_no_host_is_an_error() -> None:
    runner = RecordingRunner({"ansible: swarm.yml": (0, '{"_event": "v2_playbook_on_stats", "stats": {}}')})
    assert "no host was configured" in (await failing(runner)).what


async def test_a_failing_playbook_stops_what_follows() -> None:
    runner = RecordingRunner({"ansible: swarm.yml": (2, "")})
    assert isinstance(await failing(runner), ToolError)
    assert "ansible: nocodb.yml" not in runner.names


async def test_the_inventory_is_where_ansible_cfg_looks() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    assert "quickdata-pg-backups-storage-bucket-ppr" in runner.files["infrastructure/ansible/inventory.yml"]


async def test_every_step_is_in_the_report_with_its_exit_code() -> None:
    runner = RecordingRunner()
    d = deployment(runner)
    await deploy(d)
    assert [step["name"] for step in d.report.steps] == runner.ended
    assert {"started", "ended", "exit_code", "command"} <= d.report.steps[0].keys()


async def test_no_secret_value_is_in_any_command() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))

    def named(step: Step) -> bool:
        return bool(step.secrets or step.secret_files)

    assert all(named(step) for step in runner.steps if not step.name.startswith("check: "))
    names = {name for step in runner.steps for name in step.secrets}
    assert not [step for step in runner.steps for name in names if name in " ".join(step.command).upper()]
