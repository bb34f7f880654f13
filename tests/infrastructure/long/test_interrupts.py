"""An interrupted apply, and the deployment after it."""

from pathlib import Path

import anyio
import pytest

from pipeline.deploy import order as deploy
from pipeline.deploy import planning
from pipeline.deploy.gate import gate_storage
from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import local_deployment
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.steps.output import Stream
from pipeline.steps.step import Step
from pipeline.tofu import plan, state
from tests.support.stacks import pending

NO_DATABASE = Postgres("127.0.0.1", 1, "nobody", "no-password", Path("/nowhere"))


class Watching(Progress):
    """Sets an event at an apply's first word, or when it says that it creates a resource."""

    def __init__(self, address: str = "") -> None:
        super().__init__()
        self._address, self.seen = address, anyio.Event()

    def show_activity(self, step: Step, text: str, line: str, stream: Stream) -> None:
        super().show_activity(step, text, line, stream)
        if step.creates and self._address in line and ('"apply_start"' in line or not self._address):
            self.seen.set()


@pytest.mark.parametrize(
    "resource",
    ["aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_versioning"],
)
async def test_an_interrupted_storage_apply_heals_without_replacing_anything(
    localstack: LocalStack, workspace: Path, resource: str
) -> None:
    suffix = f"cut-{resource[14:17]}"
    progress = Watching(f"{resource}.backups")
    d = local_deployment(
        Surroundings(localstack, NO_DATABASE, workspace, site=None), suffix, progress, Report("deploy", "x")
    )
    await _interrupted_apply(d, progress)

    await planning.let_stand(d, await deploy.prepare_stacks(d))
    (await d.run(d.storage.plan(d.plan_file))).check(2)
    gate_storage(plan.read((await d.run(d.storage.show(d.plan_file))).check().stdout))
    (await d.run(d.storage.apply(d.plan_file))).check()
    assert (await d.run(d.storage.plan(d.plan_file))).check().exit_code == 0


@pytest.mark.parametrize("address", ["", "aws_s3_bucket.backups"], ids=["first word", "first request"])
async def test_an_interrupt_at_an_applys_beginning_stops_it_and_loses_nothing(
    localstack: LocalStack, workspace: Path, address: str
) -> None:
    """OpenTofu would forget the first; the second would cut off what creates a bucket that no state knows."""
    suffix = f"begun-{len(address)}"
    progress = Watching(address)
    d = local_deployment(
        Surroundings(localstack, NO_DATABASE, workspace, site=None), suffix, progress, Report("deploy", "x")
    )
    await _interrupted_apply(d, progress)
    assert await pending(d, d.storage), "it was applied to the end"
    known = state.read((await d.run(d.storage.state())).check().stdout)
    assert await d.cloud.owns(d.bucket) == ("s3_bucket_name" in known.outputs)


async def _interrupted_apply(d: Deployment, progress: Watching) -> None:
    (await d.run(d.storage.init())).check()
    (await d.run(d.storage.plan(d.plan_file))).check(2)
    with anyio.fail_after(120), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when, progress.seen, scope)
            await d.run(d.storage.apply(d.plan_file))
    assert scope.cancelled_caught


async def _cancel_when(seen: anyio.Event, scope: anyio.CancelScope) -> None:
    await seen.wait()
    scope.cancel()
