"""A node that was stopped in EC2: no plan ends it, deploy says so before it waits, status has one remedy."""

import re
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pipeline.deploy import order as deploy
from pipeline.deploy import planning
from pipeline.deploy.status import status
from pipeline.deployment import Deployment
from pipeline.errors import ToolError
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.servers.localstack import LocalStack
from pipeline.targets.emulator import lay_vault, vault
from tests.support.stacks import BUCKET, applied, deployment, init
from tests.support.stopped_proxy import stopped_proxy

MANAGER = 'aws_instance.node["manager"]'
COMMAND = re.compile(r"`(aws [^`]*)`")


@pytest.fixture(scope="module")
def seen_as_on_aws(localstack: LocalStack) -> Iterator[LocalStack]:
    with stopped_proxy(localstack.endpoint) as url:
        yield replace(localstack, endpoint=url)


@pytest.fixture(scope="module")
def d(seen_as_on_aws: LocalStack) -> Iterator[Deployment]:
    """An app whose manager somebody has stopped."""
    with throwaway_workspace() as directory:
        found = deployment(directory / "workspace", seen_as_on_aws, "stopped")
        anyio.run(_apply_and_stop, found)
        yield found


async def _apply_and_stop(d: Deployment) -> None:
    await lay_vault(d, vault())
    for stack, targets in ((d.storage, [BUCKET]), (d.app, [])):
        await init(d, stack)
        await applied(d, stack, *targets)
    d.cloud.client("ec2").stop_instances(InstanceIds=[manager(d)["InstanceId"]])


def manager(d: Deployment) -> dict[str, str]:
    filters = [{"Name": "tag:Name", "Values": ["quickdata-stopped-manager"]}]
    found = d.cloud.client("ec2").describe_instances(Filters=filters)["Reservations"]
    instance: dict[str, str] = found[0]["Instances"][0]
    return instance


@pytest.fixture
async def planned(d: Deployment) -> AsyncIterator[planning.Plan]:
    yield await planning.make_plan(d, d.app)
    await planning.forget(d)


def test_the_proxy_shows_it_as_ec2_does(d: Deployment) -> None:
    assert "PublicIpAddress" not in manager(d)


def test_a_stop_replaces_no_node_and_changes_only_what_is_said_of_it(planned: planning.Plan) -> None:
    assert (planned.changes, planned.outputs) == ((), ("nodes",))


async def test_status_has_one_remedy_for_it(d: Deployment) -> None:
    parts = {part.about: part for part in await status(d)}
    assert "quickdata-stopped-manager (manager): stopped, no public address" in str(parts["nodes"])
    assert "aws ec2 start-instances" in parts["nodes"].fix
    assert parts["drift of app"].fix == parts["nodes"].fix


async def test_deploy_names_it_before_it_waits_for_ssh_and_its_advice_typed_literally_helps(
    d: Deployment, seen_as_on_aws: LocalStack
) -> None:
    before = len(d.report.steps)
    with pytest.raises(ToolError) as caught:
        await deploy.deploy(d)
    identifier = manager(d)["InstanceId"]
    assert caught.value.what == f"app: these nodes are stopped in EC2: {MANAGER} ({identifier})"
    steps = [step["name"] for step in d.report.steps[before:]]
    assert not [name for name in steps if name.startswith("ansible: ") or name.endswith("apply")]
    advice = COMMAND.search(caught.value.fix)
    assert advice
    command = shlex.split(advice[1])
    aws = [str(Path(sys.executable).parent / command[0]), *command[1:]]
    await anyio.run_process(aws, env=seen_as_on_aws.environment)
    assert "PublicIpAddress" in manager(d)
