"""Deployments with real stacks on LocalStack, and a database that nobody gets as far as asking."""

from pathlib import Path

from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import local_deployment
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.tofu import stack as tofu
from pipeline.tofu.stack import Stack

BUCKET = "aws_s3_bucket.backups"
"""The part of storage that is applied in seconds and that the app needs; the rest waits a minute."""
NOBODY = Postgres("127.0.0.1", 1, "admin", "password-of-nobody", Path("/nowhere"))
PLAN = "of-a-test.tfplan"


def deployment(workspace: Path, aws: LocalStack, suffix: str) -> Deployment:
    around = Surroundings(aws, NOBODY, workspace, site=None)
    return local_deployment(around, suffix, Progress(), Report("test", "localstack"))


async def init(d: Deployment, stack: Stack) -> None:
    (await d.run(stack.init())).check()


async def pending(d: Deployment, stack: Stack, *targets: str, destroy: bool = False) -> bool:
    """Save a plan; tell whether it would change anything."""
    planned = await d.run(stack.plan(PLAN, *targets, destroy=destroy))
    return planned.check(tofu.CHANGES).exit_code == tofu.CHANGES


async def applied(d: Deployment, stack: Stack, *targets: str, destroy: bool = False) -> None:
    """Plan and apply; there must be something to do."""
    assert await pending(d, stack, *targets, destroy=destroy)
    (await d.run(stack.apply(PLAN))).check()
