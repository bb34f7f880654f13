"""A whole life of a deployment with the policies for whoever deploys: from the first plan to the removal."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.deploy import order
from pipeline.deploy.agreement import note_agreement
from pipeline.deploy.destroy import destroy
from pipeline.deploy.preview import preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deploy.status import status
from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import local_deployment, prepare
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import postgres
from pipeline.targets.emulator import endpoint
from tests.support.authorizing import authorizing
from tests.support.deployer_policy import actions, deployer_policy

SUFFIX = "rights"
ELSEWHERE = {
    "ec2:DescribeVolumesModifications",  # the provider asks when a node's own disk grows
    "ec2:ModifySecurityGroupRules",  # when admin_cidr changes
    "s3:GetBucket*",  # stands for the reads that the provider makes
    "s3:PutObject",  # of a drill, and of states in S3: test_drill.py, ../test_deployer.py
    "s3:DeleteObject",
}
"""Actions that this life does not need."""


def with_variables(d: Deployment, **variables: str) -> Deployment:
    named = {f"TF_VAR_{name}": value for name, value in variables.items()}
    return replace(d, app=replace(d.app, env={**d.app.env, **named}))


def deployment(around: Surroundings, aws: LocalStack) -> Deployment:
    """Return a deployment with a worker. Its nodes have a role of their own, so they ask AWS directly."""
    d = local_deployment(around, SUFFIX, Progress(), Report("test", "localstack"))
    worker = {**d.hosts["manager"], "node_prefix": str(around.workspace / "nodes/worker-1")}
    common = {**d.common, **endpoint(aws)}
    return with_variables(replace(d, common=common, hosts={**d.hosts, "worker-1": worker}), workers="1")


async def test_a_deployments_life_needs_the_policies_and_all_of_them(
    localstack: LocalStack, workspace: Path, tmp_path: Path
) -> None:
    async with postgres(tmp_path / "postgres") as database:
        with authorizing(localstack, deployer_policy(SUFFIX)) as proxy:
            around = Surroundings(proxy.aws, database, workspace, site=None)
            d = with_variables(deployment(around, localstack), domain="nocodb.example.org")
            await prepare(d, around)
            assert (await preview(d, SavedPlans(PurePosixPath("plan")))).forecasts
            assert (await order.deploy(d)).proof["comparison"]["mismatches"] == 0
            proxy.policy = deployer_policy(SUFFIX, without=["SetUpBackupsBucket"])
            parts = {each.about: each for each in await status(d)}
            assert parts["drift of storage"].well and parts["drift of app"].well and parts["nodes"].well
            larger = {"instance_types": '{manager="t3.medium"}', "disk_gib": "{postgres=30}"}
            await order.deploy(with_variables(d, domain="", **larger), agree=note_agreement)
            await destroy(d)
            assert proxy.denied == []
            assert actions() - proxy.used == ELSEWHERE
