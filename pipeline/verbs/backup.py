"""The verb `backup`."""

from pipeline.backups import node
from pipeline.deploy.order import refresh_inventory
from pipeline.verbs.call import DeploymentCall


async def backup(call: DeploymentCall) -> None:
    """Take a backup now.

    Example: quickdata backup
    """
    async with call.deployment() as d:
        await refresh_inventory(d)
        made = await node.backup(d)
        words = (
            f"{made['tables']} tables with {made['rows']} rows in {made['seconds']} s (backup {made['id']})"
        )
        advice = d.advice(f"{words}; `quickdata verify` proves that a backup can be restored")
        d.report.prove("backup", advice, **made)
