"""Two deployments in one account, and what is refused because somebody else, or an earlier run, was there."""

import io
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from boto3 import Session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3 import HTTPResponse

from pipeline.ansible import inventory
from pipeline.aws import existing
from pipeline.backups.catalogue import list_backups
from pipeline.deploy import order as deploy
from pipeline.deploy.lost_state import require_not_lost
from pipeline.deployment import DATABASE, Deployment
from pipeline.errors import BucketTaken, PipelineError, StateLost
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.servers.localstack import LocalStack
from pipeline.targets.emulator import lay_vault, vault
from pipeline.tofu.plan import Change, Plan
from tests.support.stacks import BUCKET, applied, deployment, init, pending

TEAM, OTHER = "team", "team-7"
"""One suffix begins the other, so that nothing may be told apart by its beginning."""
SOMEBODY_ELSE = "111111111111"
STATE = "infrastructure/{}/terraform.tfstate"


@pytest.fixture(scope="module")
def both(localstack: LocalStack) -> Iterator[dict[str, Deployment]]:
    """Two deployments whose stacks were applied at the same time: the buckets, then the apps."""
    with ExitStack() as kept:
        workspaces = {name: kept.enter_context(throwaway_workspace()) / "workspace" for name in (TEAM, OTHER)}
        found = {name: deployment(path, localstack, name) for name, path in workspaces.items()}
        anyio.run(_apply, found)
        yield found


async def _apply(found: dict[str, Deployment]) -> None:
    async with anyio.create_task_group() as group:
        for d in found.values():
            group.start_soon(_bucket_and_app, d)


async def _bucket_and_app(d: Deployment) -> None:
    async with anyio.create_task_group() as group:
        for stack in (d.storage, d.app):
            group.start_soon(init, d, stack)
    await applied(d, d.storage, BUCKET)
    await applied(d, d.app)


def named(d: Deployment) -> set[str]:
    """Return every name, identifier and address that a deployment's states hold for what AWS keeps."""
    kinds = ("id", "arn", "name", "bucket", "key_name", "public_ip")
    found = set()
    for folder in ("terraS3", "terraform"):
        state = json.loads(Path(d.runner.root / STATE.format(folder)).read_text())
        managed = [resource for resource in state["resources"] if resource["mode"] == "managed"]
        values: list[dict[str, Any]] = [each["attributes"] for r in managed for each in r["instances"]]
        found |= {str(each[kind]) for each in values for kind in kinds if each.get(kind)}
    return found


def test_no_name_no_identifier_and_no_address_is_shared(both: dict[str, Deployment]) -> None:
    team, other = named(both[TEAM]), named(both[OTHER])
    assert len(team) == len(other) > 20
    assert team & other == {"default"}  # AWS's name of the group that each VPC has


async def test_each_apps_inventory_names_its_own_bucket_and_its_own_nodes(
    both: dict[str, Deployment],
) -> None:
    rendered = {}
    for name, d in both.items():
        outputs = inventory.outputs((await d.run(d.app.output())).check().stdout)
        assert outputs["backup_bucket"] == d.bucket
        rendered[name] = {node["instance_id"] for node in outputs["nodes"].values()}
    assert len(rendered[TEAM]) == len(rendered[OTHER]) == 2
    assert rendered[TEAM].isdisjoint(rendered[OTHER])


def test_each_database_node_may_reach_its_own_bucket_only(
    both: dict[str, Deployment],
) -> None:
    for name, d in both.items():
        policy = d.cloud.client("iam").get_role_policy(
            RoleName=f"quickdata-{name}-database", PolicyName=f"quickdata-{name}-backups"
        )["PolicyDocument"]
        resources = [statement["Resource"] for statement in policy["Statement"]]
        assert resources == [f"arn:aws:s3:::{d.bucket}", f"arn:aws:s3:::{d.bucket}/postgres/*"]


async def test_each_sees_only_its_own_backups(both: dict[str, Deployment]) -> None:
    ids = {name: f"0000000{number}" for number, name in enumerate(both)}
    for name, d in both.items():
        key = f"postgres/{DATABASE}/20260101T000000Z-{ids[name]}/dump.zst"
        d.cloud.client("s3").put_object(Bucket=d.bucket, Key=key, Body=b"x")
    for name, d in both.items():
        assert [each.id for each in await list_backups(d.cloud, d.bucket, DATABASE)] == [ids[name]]


async def test_destroying_one_app_leaves_the_other_and_both_buckets_untouched(
    both: dict[str, Deployment],
) -> None:
    team, other = both[TEAM], both[OTHER]
    await applied(team, team.app, destroy=True)
    assert await existing.find_app(team.cloud, TEAM) == {}
    assert not await pending(other, other.app)
    there = {bucket["Name"] for bucket in team.cloud.client("s3").list_buckets()["Buckets"]}
    assert {team.bucket, other.bucket} <= there


@asynccontextmanager
async def refused(d: Deployment, kind: type[PipelineError]) -> AsyncIterator[None]:
    """The block's deployment is refused with exit code 3, and nothing was applied."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.value.exit_code == 3
    assert not [step["name"] for step in d.report.steps if step["name"].endswith("apply")]


def somebody_elses_bucket(localstack: LocalStack, name: str) -> None:
    """Make a bucket in another account: LocalStack takes an access key of twelve digits for its number."""
    s3 = Session(SOMEBODY_ELSE, "test", region_name=localstack.region).client(
        "s3", endpoint_url=localstack.endpoint
    )
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": localstack.region})


def as_s3(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
    """Answer as S3 does to whoever expects another owner: LocalStack does not compare them in HeadBucket."""
    nothing = HTTPResponse(io.BytesIO(), preload_content=False)
    expected = request.headers["x-amz-expected-bucket-owner"]
    return None if expected == SOMEBODY_ELSE.encode() else AWSResponse(request.url, 403, {}, nothing)


async def test_a_bucket_of_another_account_stops_the_run_before_anything_is_created(
    localstack: LocalStack, workspace: Path
) -> None:
    d = deployment(workspace, localstack, "taken")
    somebody_elses_bucket(localstack, d.bucket)
    d.cloud._session.events.register("before-send.s3.HeadBucket", as_s3)
    async with refused(d, BucketTaken):
        await deploy.deploy(d)


async def test_a_bucket_taken_between_the_check_and_the_apply_is_said_too(
    localstack: LocalStack, workspace: Path
) -> None:
    d = deployment(workspace, localstack, "overtaken")
    somebody_elses_bucket(localstack, d.bucket)
    await init(d, d.storage)
    with pytest.raises(BucketTaken, match="the bucket's name is already taken"):
        await applied(d, d.storage, BUCKET)


async def test_a_bucket_that_the_state_does_not_know_is_lost_state(both: dict[str, Deployment]) -> None:
    d = both[TEAM]
    with pytest.raises(StateLost, match=d.bucket) as caught:
        await d.cloud.require_free(d.bucket)
    assert caught.value.exit_code == 3
    await d.cloud.require_free(f"{d.bucket}-of-nobody")


async def test_nodes_that_the_state_does_not_know_are_lost_state(
    both: dict[str, Deployment], localstack: LocalStack, workspace: Path
) -> None:
    known = Path(both[OTHER].runner.root / STATE.format("terraS3"))
    shutil.copy(known, workspace / STATE.format("terraS3"))
    d = deployment(workspace, localstack, OTHER)
    await lay_vault(d, vault())
    async with refused(d, StateLost):
        await deploy.deploy(d)


async def test_what_exists_of_a_suffix_that_only_begins_alike_is_nobodys(both: dict[str, Deployment]) -> None:
    assert await existing.find_app(both[OTHER].cloud, "team-") == {}
    assert len(await existing.find_app(both[OTHER].cloud, OTHER)) == 25


async def test_a_lost_volume_alone_is_lost_state(both: dict[str, Deployment]) -> None:
    d = both[OTHER]
    create = Plan((Change("aws_ebs_volume.postgres", "create"),))
    with pytest.raises(StateLost, match=r"aws_ebs_volume\.postgres \(vol-") as caught:
        await require_not_lost(d, app=create)
    assert "quickdata adopt app" in caught.value.fix
    await require_not_lost(d, app=Plan((Change('aws_instance.node["worker-1"]', "create"),)))
