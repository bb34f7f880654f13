"""Deployments with real stacks on LocalStack, and a database that nobody gets as far as asking."""

from pathlib import Path

from pipeline import tofu
from pipeline.deployment import Deployment
from pipeline.postgres import Postgres
from pipeline.progress import Progress
from pipeline.rehearsal.local import local_deployment
from pipeline.rehearsal.localstack import LocalStack
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.report import Report
from pipeline.tofu import Stack

BUCKET = "aws_s3_bucket.backups"
"""The part of storage that is applied in seconds and that the app needs; the rest waits a minute."""
NOBODY = Postgres("127.0.0.1", 1, "admin", "password-of-nobody", Path("/nowhere"))
PLAN = "of-a-test.tfplan"


def deployment(workspace: Path, aws: LocalStack, suffix: str) -> Deployment:
    around = Surroundings(aws, NOBODY, workspace)
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
