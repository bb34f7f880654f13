"""States that were written before storage's outputs had their present names: read until their next apply."""

from functools import reduce
from pathlib import Path

from pipeline.ansible.playbooks import INVENTORY
from pipeline.deploy import adopt
from pipeline.deploy import order as deploy
from pipeline.deployment import Deployment
from pipeline.servers.localstack import LocalStack
from pipeline.tofu import plan
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import Stack
from tests.support.stacks import BUCKET, PLAN, applied, deployment, init, pending

OLDER = {
    'output "backup_bucket"': 'output "bucket_name"',
    "s3_bucket_name": "bucket_name",
    "s3_bucket_arn": "bucket_arn",
    '"terraform_remote_state" "s3"': '"terraform_remote_state" "storage"',
    "terraform_remote_state.s3": "terraform_remote_state.storage",
}


def with_older_names(workspace: Path) -> dict[Path, str]:
    """Give the stacks the older names; return their present files."""
    present = {file: file.read_text() for file in (workspace / "infrastructure").glob("terra*/*.tf")}
    for file, text in present.items():
        file.write_text(reduce(lambda found, names: found.replace(*names), OLDER.items(), text))
    return present


async def planned(d: Deployment, stack: Stack, *targets: str) -> Plan:
    assert await pending(d, stack, *targets)
    return plan.read((await d.run(stack.show(PLAN))).check().stdout)


async def test_deploying_an_older_installation_changes_outputs_and_no_resource(
    localstack: LocalStack, workspace: Path
) -> None:
    d = deployment(workspace, localstack, "older")
    present = with_older_names(workspace)
    for stack, targets in ((d.storage, (BUCKET,)), (d.app, ())):
        await init(d, stack)
        await applied(d, stack, *targets)
    for file, text in present.items():
        file.write_text(text)

    known = await deploy.prepare_stacks(d)
    assert known["storage"].outputs["bucket_name"] == known["storage"].bucket == d.bucket
    await deploy.refresh_inventory(d)
    assert f"backup_bucket: {d.bucket}\n" in str(await d.runner.read(INVENTORY))
    assert not (await adopt.look(d, d.app)).gated.plan.changes
    assert await pending(d, d.app, destroy=True)
    app = await planned(d, d.app)
    assert (app.changes, "backup_bucket" in app.outputs) == ((), True)
    storage = await planned(d, d.storage, BUCKET)
    assert (storage.changes, "s3_bucket_name" in storage.outputs) == ((), True)
    for stack, targets in ((d.storage, (BUCKET,)), (d.app, ())):
        await applied(d, stack, *targets)
    known = await deploy.prepare_stacks(d)
    assert known["storage"].outputs["s3_bucket_name"] == known["app"].outputs["backup_bucket"] == d.bucket
    assert not await pending(d, d.app)
