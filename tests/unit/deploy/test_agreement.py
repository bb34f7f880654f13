"""A node, or the database's disk, ends or stops only when somebody has agreed; the rest is not asked for."""

import json
import re
from collections.abc import Sequence
from typing import Any

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


def resizing(address: str, before: dict[str, Any], after: dict[str, Any]) -> RecordingRunner:
    """Return a deployment whose app's plan updates one resource in place."""
    change = {"actions": ["update"], "before": before, "after": after}
    document = {"resource_changes": [{"address": address, "change": change}]}
    runner = ending()
    runner.answers["app: read plan"] = (0, json.dumps(document))
    return runner


@pytest.mark.parametrize("address", [MANAGER, DATABASE, WORKER])
async def test_without_an_answer_no_node_gets_another_type_which_stops_it(address: str) -> None:
    runner = resizing(address, {"instance_type": "t3.large"}, {"instance_type": "t3.medium"})
    with pytest.raises(PlanRefused) as caught:
        await deploy(deployment(runner))
    told = f"update {address} from t3.large to t3.medium, by TF_VAR_instance_types: the node stops"
    assert told in caught.value.what
    assert "app: apply" not in runner.names
    await deploy(deployment(runner), agree=note_agreement)
    assert "app: apply" in runner.names


@pytest.mark.parametrize(
    ("address", "sizes", "needed"),
    [
        (DISK, [{"size": 40}, {"size": 20}], "with postgres = 40,"),
        (WORKER, [{"root_block_device": [{"volume_size": gib}]} for gib in (30, 20)], "with node = 30,"),
    ],
)
async def test_a_smaller_disk_is_refused_also_when_somebody_agreed(
    address: str, sizes: list[dict[str, Any]], needed: str
) -> None:
    runner = resizing(address, *sizes)
    with pytest.raises(PlanRefused, match=f"AWS makes no disk smaller: {re.escape(address)}") as caught:
        await deploy(deployment(runner), agree=note_agreement)
    assert "TF_VAR_disk_gib" in caught.value.fix and needed in caught.value.fix
    assert not [name for name in runner.names if name.endswith("apply")]
    await deploy(deployment(resizing(address, *reversed(sizes))))


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
    page.plans["app"] = Plan((Change(MANAGER, "update", retyped=("t3.large", "t3.small")),))
    assert "deploy asks before these changes" in page.page().partition("gate:")[2]
    page.plans["app"] = Plan((Change(MANAGER, "update"),))
    assert page.page().endswith("gate:\n  allows these plans")


async def test_who_agreed_beforehand_is_told_to_what(capsys: pytest.CaptureFixture[str]) -> None:
    d = deployment(RecordingRunner())
    await note_agreement(d, [Change(WORKER, "delete")])
    assert f"delete {WORKER}" in capsys.readouterr().err
    with pytest.raises(PipelineError):
        await refuse(d, [Change(WORKER, "delete")])
