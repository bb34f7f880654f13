"""A node, or the database's disk, ends only when somebody has agreed to it; the rest is not asked for."""

import json
from collections.abc import Sequence

import pytest

from pipeline.deploy.agreement import note_agreement, refuse
from pipeline.deploy.destroy import destroy
from pipeline.deploy.order import deploy
from pipeline.deploy.preview import Preview
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, PlanRefused, ToolError
from pipeline.tofu.plan import Change, Plan
from tests.support.recording import FreeCloud, RecordingRunner, deployment, plan_json, state_json

MANAGER, DATABASE = 'aws_instance.node["manager"]', 'aws_instance.node["database"]'
WORKER, DISK = 'aws_instance.node["worker-1"]', "aws_ebs_volume.postgres"


def ending(*changes: tuple[str, str]) -> RecordingRunner:
    """Return a deployment that was there before, whose app's plan has these changes."""
    answers = {"storage: state": (0, state_json()), "storage: plan": (2, ""), "app: plan": (2, "")}
    return RecordingRunner({**answers, "app: read plan": (0, plan_json(*changes))})


@pytest.mark.parametrize("action", ["delete", "replace", "forget"])
@pytest.mark.parametrize("address", [MANAGER, DATABASE, WORKER, DISK])
async def test_without_an_answer_no_node_ends_and_nothing_is_stopped_or_applied(
    address: str, action: str
) -> None:
    runner = ending((address, action))
    with pytest.raises(PlanRefused) as caught:
        await deploy(deployment(runner))
    assert caught.value.exit_code == 3
    assert f"{action} {address}" in caught.value.what
    assert "--yes" in caught.value.fix and "quickdata plan" in caught.value.fix
    assert not [name for name in runner.names if name.endswith("apply") or name in ("stop NocoDB", "backup")]


async def test_what_ends_is_asked_for_at_once_and_before_anything_is_stopped() -> None:
    runner, asked = ending((WORKER, "delete"), (DATABASE, "replace"), ("aws_vpc.main", "replace")), []

    async def agree(_: Deployment, ended: Sequence[Change]) -> None:
        asked.append((list(map(str, ended)), list(runner.names)))

    await deploy(deployment(runner), agree=agree)
    ((ended, before),) = asked
    assert ended == [f"delete {WORKER}", f"replace {DATABASE}"]
    assert "app: plan" in before and "stop NocoDB" not in before
    assert runner.names.index("stop NocoDB") < runner.names.index("app: apply")


async def test_nothing_is_asked_when_no_node_ends() -> None:
    runner = ending((MANAGER, "update"), (WORKER, "create"), ("aws_key_pair.admin", "replace"))
    await deploy(deployment(runner), agree=refuse)
    assert "app: apply" in runner.names


async def test_a_tainted_node_that_a_plan_would_replace_is_asked_for_like_any_other() -> None:
    runner = ending()
    document = json.loads(plan_json((MANAGER, "replace")))
    document["resource_changes"][0]["action_reason"] = "replace_because_tainted"
    runner.answers["app: read plan"] = (0, json.dumps(document))
    with pytest.raises(PlanRefused):
        await deploy(deployment(runner), agree=refuse)
    assert "app: apply" not in runner.names


async def test_a_lost_state_and_a_stopped_node_are_told_before_anybody_is_asked() -> None:
    stopped = FreeCloud(stopped=[(MANAGER, "i-1"), (WORKER, "i-2")])
    runner = ending((WORKER, "delete"))
    with pytest.raises(ToolError) as caught:
        await deploy(deployment(runner, stopped))
    assert (
        caught.value.what == f"app: these nodes are stopped in EC2: {MANAGER} (i-1)"
    )  # the worker goes anyway
    assert "aws ec2 start-instances --region eu-west-3 --instance-ids i-1`" in caught.value.fix
    assert not [name for name in runner.names if name.startswith("ansible") or name.endswith("apply")]


async def test_destroy_names_a_stopped_node_before_it_asks_it_for_a_backup() -> None:
    runner, stopped = RecordingRunner(), FreeCloud(stopped=[(DATABASE, "i-1")])
    with pytest.raises(ToolError, match="stopped in EC2"):
        await destroy(deployment(runner, stopped))
    assert not [name for name in runner.names if name == "stop NocoDB" or name.endswith("apply")]
    await destroy(deployment(runner, stopped), backed_up=False)
    assert "app: apply" in runner.names


def test_plan_says_that_deploy_will_ask() -> None:
    plans = {"storage": Plan(pending=False), "app": Plan((Change(MANAGER, "replace"),))}
    page = Preview("bucket", "000000000000", "eu-west-3", plans)
    page.deferred = dict.fromkeys(("swarm.yml", "nocodb.yml", "backup.yml"), "they do not answer")
    gate = page.page().partition("gate:")[2]
    assert "deploy asks before these changes" in gate and f"! replace {MANAGER}" in gate
    page.plans["app"] = Plan((Change(MANAGER, "update"),))
    assert page.page().endswith("gate:\n  allows these plans")


async def test_who_agreed_beforehand_is_told_to_what(capsys: pytest.CaptureFixture[str]) -> None:
    d = deployment(RecordingRunner())
    await note_agreement(d, [Change(WORKER, "delete")])
    assert f"delete {WORKER}" in capsys.readouterr().err
    with pytest.raises(PipelineError):
        await refuse(d, [Change(WORKER, "delete")])
