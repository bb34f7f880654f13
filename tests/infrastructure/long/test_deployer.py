"""Both stacks from the first plan to the end of the app, with the policies for whoever deploys alone."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.deploy.preview import preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deploy.status import status
from pipeline.deployment import Deployment
from pipeline.servers.localstack import LocalStack
from pipeline.targets.emulator import lay_vault, vault
from tests.support.authorizing import authorizing
from tests.support.deployer_policy import actions, deployer_policy
from tests.support.stacks import applied, deployment

SUFFIX = "rights"
ELSEWHERE = {
    "ec2:DescribeVolumesModifications",  # the provider asks when a node's own disk grows
    "ec2:ModifySecurityGroupRules",  # when admin_cidr changes
    "s3:GetBucket*",  # stands for the reads that the provider makes
    "s3:GetObject",  # of a drill, and of states in S3: test_drill.py, ../test_deployer.py
    "s3:PutObject",
    "s3:DeleteObject",
}
"""Actions that this life does not need."""


def with_variables(d: Deployment, **variables: str) -> Deployment:
    named = {f"TF_VAR_{name}": value for name, value in variables.items()}
    return replace(d, app=replace(d.app, env={**d.app.env, **named}))


async def test_a_deployments_life_needs_the_policies_and_all_of_them(
    localstack: LocalStack, workspace: Path
) -> None:
    with authorizing(localstack, deployer_policy(SUFFIX)) as proxy:
        d = with_variables(deployment(workspace, proxy.aws, SUFFIX), domain="nocodb.example.org", workers="1")
        await lay_vault(d, vault())
        assert (await preview(d, SavedPlans(PurePosixPath("plan")))).forecasts
        await applied(d, d.storage)
        proxy.policy = deployer_policy(SUFFIX, without=["SetUpBackupsBucket"])
        await applied(d, d.app)
        parts = {each.about: each for each in await status(d)}
        assert parts["drift of storage"].well and parts["drift of app"].well and parts["nodes"].well
        larger = {"instance_types": '{manager="t3.medium"}', "disk_gib": "{postgres=30}"}
        changed = with_variables(d, domain="", **larger)
        await applied(changed, changed.app)
        await applied(d, d.app, destroy=True)
        assert proxy.denied == []
        assert actions() - proxy.used == ELSEWHERE
