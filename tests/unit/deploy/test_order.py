"""The order of a deployment, seen by a runner that records."""

import json
import re
from dataclasses import replace
from typing import Any

import anyio
import pytest

from pipeline.aws.account import BUCKET
from pipeline.backups.node import verify
from pipeline.deploy.agreement import note_agreement
from pipeline.deploy.order import deploy
from pipeline.deploy.protection import LIFECYCLE, PROTECTION
from pipeline.errors import (
    BucketTaken,
    DeployedInPart,
    PipelineError,
    PlanRefused,
    ToolError,
    most_telling,
)
from pipeline.machine.repository import REPOSITORY
from pipeline.steps.step import Result, Step
from pipeline.tofu.stack import STACKS
from tests.support.recording import (
    FIRST_OF_STORAGE,
    OUTPUTS,
    VERSIONING,
    FreeCloud,
    RecordingRunner,
    app_state_json,
    deployment,
    outputs,
    plan_json,
    said_by_ansible,
    state_json,
)
from tests.support.second_run import DATABASE, SECOND, in_order


async def failing(runner: RecordingRunner, cloud: FreeCloud | None = None) -> PipelineError:
    with pytest.raises((PipelineError, ExceptionGroup)) as caught:
        await deploy(deployment(runner, cloud))
    error = most_telling(caught.value)
    assert isinstance(error, PipelineError)
    return error


async def test_what_protects_a_backup_is_applied_before_the_app_is_planned() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    assert in_order(runner, "storage: init", FIRST_OF_STORAGE, "storage: apply", "storage: plan")
    assert in_order(runner, "app: init", "storage: apply", "app: plan", "app: apply", "app: outputs")
    first = next(step for step in runner.steps if step.name == FIRST_OF_STORAGE)
    targets = {word.removeprefix("-target=") for word in first.command if word.startswith("-target=")}
    assert targets == set(PROTECTION)


def test_all_of_storage_but_the_lifecycle_protects_backups() -> None:
    code = "".join(file.read_text() for file in (REPOSITORY / STACKS["storage"]).glob("*.tf"))
    resources = {".".join(names) for names in re.findall(r'^resource "(\w+)" "(\w+)"', code, re.MULTILINE)}
    assert resources == {*PROTECTION, f"{LIFECYCLE}.backups"}


async def test_what_the_runs_of_plans_tell_is_not_asked_for_again() -> None:
    runner = RecordingRunner()
    done = await deploy(deployment(runner))
    assert not [name for name in runner.names if name.endswith("read plan")]
    assert done.first["create"] == len(PROTECTION)
    assert [done.plans[stack]["create"] for stack in ("storage", "app")] == [1, 1]


async def test_the_app_reads_the_storage_state_while_nobody_writes_it() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    last_apply = len(runner.names) - 1 - runner.names[::-1].index("storage: apply")
    assert runner.names.index("app: plan") < last_apply
    assert runner.names.index("storage: apply") < runner.names.index("app: plan")


async def test_playbooks_follow_the_app_and_nocodb_follows_the_swarm() -> None:
    runner = RecordingRunner()
    await deploy(deployment(runner))
    assert in_order(runner, "app: outputs", "ansible: swarm.yml", "ansible: nocodb.yml", "backup")
    assert in_order(runner, "app: outputs", "ansible: backup.yml", "backup")


class SlowLifecycle(RecordingRunner):
    """Its second apply of storage ends only when a backup was verified."""

    async def run(self, step: Step) -> Result:
        if step.name == "storage: apply" and "app: plan" in self.names:
            with anyio.fail_after(10):
                while "verify: restore and compare" not in self.ended:
                    await anyio.lowlevel.checkpoint()
        return await super().run(step)


async def test_only_the_end_of_a_deployment_waits_for_the_lifecycle() -> None:
    runner = SlowLifecycle()
    await deploy(deployment(runner))
    assert runner.ended[-1] == "storage: apply"


@pytest.mark.parametrize("address", PROTECTION)
async def test_no_backup_is_written_before_what_protects_it_is_there(address: str) -> None:
    """The state has it, and AWS has not, or has it otherwise."""
    drifted = {"storage: plan": (2, ""), "storage: read plan": (0, plan_json((address, "update")))}
    runner = RecordingRunner({**SECOND, **drifted, "app: plan": (2, "")})
    runner.answers["app: read plan"] = (0, plan_json((DATABASE, "replace")))
    await deploy(deployment(runner), agree=note_agreement)
    assert in_order(runner, "storage: apply", "stop NocoDB", "backup")
    assert runner.ended.index("storage: apply") < runner.names.index("stop NocoDB")


@pytest.mark.parametrize("address", PROTECTION)
async def test_a_run_that_died_before_all_protection_was_there_is_completed_before_any_backup(
    address: str,
) -> None:
    missing = {"storage: plan": (2, ""), "storage: read plan": (0, plan_json((address, "create")))}
    lacking = {"storage: state": (0, state_json(lacking=[address]))}
    runner = RecordingRunner({**SECOND, **lacking, **missing})
    done = await deploy(deployment(runner))
    assert in_order(runner, "storage: apply", "ansible: backup.yml")
    assert runner.ended.index("storage: apply") < runner.names.index("ansible: backup.yml")
    assert (FIRST_OF_STORAGE in runner.names) == (address == BUCKET)
    assert not done.nothing_changed


async def test_a_lost_app_is_refused_before_missing_protection_is_applied() -> None:
    missing = {"storage: plan": (2, ""), "storage: read plan": (0, plan_json((VERSIONING, "create")))}
    lacking = {"storage: state": (0, state_json(lacking=[VERSIONING]))}
    runner = RecordingRunner({**SECOND, **lacking, **missing, "app: plan": (2, "")})
    error = await failing(runner, FreeCloud(there=[(DATABASE, "i-1")]))
    assert error.exit_code == 3
    assert not [name for name in runner.names if name.endswith("apply")]


async def test_a_run_that_died_between_both_applies_of_storage_has_only_the_lifecycle_left() -> None:
    runner = SlowLifecycle({**SECOND, "storage: plan": (2, "")})
    await deploy(deployment(runner))
    assert FIRST_OF_STORAGE not in runner.names
    assert runner.ended[-1] == "storage: apply"


async def test_what_was_half_made_of_the_protection_is_completed_before_any_backup() -> None:
    half_made = {"storage: plan": (2, ""), "storage: read plan": (0, plan_json((VERSIONING, "update")))}
    runner = RecordingRunner({**SECOND, "storage: state": (0, state_json(VERSIONING)), **half_made})
    await deploy(deployment(runner))
    assert in_order(runner, f"storage: untaint {VERSIONING}", "storage: plan", "storage: apply")
    assert runner.ended.index("storage: apply") < runner.names.index("ansible: backup.yml")


class Slow(RecordingRunner):
    """One of its steps ends only when another one has ended."""

    def __init__(self, slow: str, other: str) -> None:
        super().__init__(SECOND)
        self.slow, self.other = slow, other

    async def run(self, step: Step) -> Result:
        if step.name == self.slow:
            with anyio.fail_after(10):
                while self.other not in self.ended:
                    await anyio.lowlevel.checkpoint()
        return await super().run(step)


async def test_neither_the_backups_playbook_nor_those_of_the_swarm_wait_for_the_other() -> None:
    await deploy(deployment(Slow("ansible: swarm.yml", "ansible: backup.yml")))
    await deploy(deployment(Slow("ansible: backup.yml", "ansible: nocodb.yml")))


async def test_a_state_is_read_once_where_nothing_of_it_changes() -> None:
    runner = RecordingRunner(SECOND)
    await deploy(deployment(runner))
    asking = ("init", "state", "outputs", "read plan")
    asked = [name for name in runner.names if name.split(": ")[-1] in asking]
    assert sorted(asked) == ["app: init", "app: state", "storage: init", "storage: state"]
    assert OUTPUTS["backup_bucket"] in runner.files["infrastructure/ansible/inventory.yml"]


async def test_a_deployment_ends_with_the_proof_that_the_backup_comes_back() -> None:
    runner = RecordingRunner()
    done = await deploy(deployment(runner))
    assert runner.names[-3:] == ["backup", "verify: restore and compare", "physical backup"]
    assert done.proof["comparison"]["mismatches"] == 0


FIRST = {"label": "20261130-050026F", "seconds": 4.6, "point": "quickdata_20261130T050029Z_9ff35af2"}


async def test_the_first_physical_backup_is_in_the_report_and_without_it_the_deployment_is_in_part() -> None:
    d = deployment(RecordingRunner({"physical backup": (0, said_by_ansible(json.dumps(FIRST)))}))
    (await deploy(d)).require_whole()
    proven = d.report.proofs["first physical backup"]
    assert proven["words"] == (
        f"backup {FIRST['label']} was taken in 4.6 s; its rows are counted at {FIRST['point']}"
    )
    d = deployment(RecordingRunner({"physical backup": (2, "")}))
    done = await deploy(d)
    assert done.proof["comparison"]["mismatches"] == 0
    assert "first physical backup" not in d.report.proofs
    with pytest.raises(DeployedInPart, match="physical backups are not in order: physical backup: "):
        done.require_whole()


@pytest.mark.parametrize(
    ("node", "warned"),
    [
        ({"label": None}, False),  # they are off
        ({"label": None, "heard": True}, False),
        ({"label": None, "heard": False}, True),
        ({**FIRST, "heard": False}, True),
    ],
)
async def test_a_deployment_warns_where_nobody_hears_that_archiving_fails(
    node: dict[str, Any], warned: bool
) -> None:
    runner = RecordingRunner({"physical backup": (0, said_by_ansible(json.dumps(node)))})
    done = await deploy(deployment(runner))
    done.require_whole()
    said = "nobody hears when archiving fails: set pg_backup_notify in"
    assert [said in each for each in done.warnings] == [True] * warned


async def test_what_a_node_without_physical_backups_could_not_note_is_a_warning() -> None:
    said = "it is not noted that physical backups are off: the summary s3://b/k is damaged; bring it back"
    answer = said_by_ansible(json.dumps({"label": None, "warning": said}))
    done = await deploy(deployment(RecordingRunner({"physical backup": (0, answer)})))
    done.require_whole()
    assert done.warnings == [f"! {said}"]


LOOK = "status: archiving"


@pytest.mark.parametrize(
    ("look", "warned"),
    [
        ((0, said_by_ansible(json.dumps({"on": True, "heard": False, "problems": []}))), True),
        ((0, said_by_ansible(json.dumps({"on": True, "heard": True, "problems": []}))), False),
        ((0, said_by_ansible(json.dumps({"on": False, "heard": False, "problems": []}))), False),
        ((2, ""), False),
        ((0, said_by_ansible("no figures")), False),
    ],
    ids=["nobody hears", "somebody hears", "they are off", "the look fails too", "the look tells nothing"],
)
async def test_a_first_physical_backup_that_fails_is_the_failure_and_nobody_who_hears_is_a_warning_too(
    look: tuple[int, str], warned: bool
) -> None:
    done = await deploy(deployment(RecordingRunner({"physical backup": (2, ""), LOOK: look})))
    assert ["nobody hears when archiving fails" in each for each in done.warnings] == [True] * warned
    with pytest.raises(
        DeployedInPart, match="physical backups are not in order: physical backup: "
    ) as refused:
        done.require_whole()
    for section in ("of another database`", "`Archiving fails`", "`The volume was made from a snapshot`"):
        assert section in refused.value.fix


async def test_local_nodes_take_no_physical_backup() -> None:
    runner = RecordingRunner()
    await deploy(replace(deployment(runner), real_nodes=False))
    assert "physical backup" not in runner.names


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
    state = state_json(address) if stack == "storage" else app_state_json(address)
    runner = RecordingRunner({**SECOND, f"{stack}: state": (0, state)})
    await deploy(deployment(runner))
    assert in_order(runner, f"{stack}: state", f"{stack}: untaint {address}", f"{stack}: plan")


async def test_what_is_half_made_and_no_node_is_simply_made_anew() -> None:
    runner = RecordingRunner({**SECOND, "app: state": (0, app_state_json("aws_key_pair.admin"))})
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
