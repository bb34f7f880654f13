"""The verb `verify`."""

from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import node
from pipeline.deploy.order import refresh_inventory
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import BY_ID

BackupId = Annotated[str | None, Doc("Restore and compare this backup. Default: take a new one."), BY_ID]


async def verify(call: DeploymentCall, backup_id: BackupId = None) -> None:
    """Take a backup, restore it into a scratch database on the node, and compare; safe on a live system.

    Example: quickdata verify
    """
    async with call.deployment() as d:
        await refresh_inventory(d)
        proof = await node.verify(d, backup_id)
        d.report.prove("verify", node.in_words(proof), **proof)
