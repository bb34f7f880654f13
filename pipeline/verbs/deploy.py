"""The verb `deploy`."""

from pathlib import PurePosixPath
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import node
from pipeline.deploy import order
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import Option, plan_to_read

SavedPlan = Annotated[
    PurePosixPath | None,
    Doc("Apply exactly the plans that `plan` saved in DIR. Default: make new plans."),
    Option(plan_to_read, metavar="DIR", folder="read"),
]
Agreed = Annotated[bool, Doc("Do not ask before nodes or disks are replaced, deleted or stopped (for CI).")]


async def deploy(call: DeploymentCall, plan: SavedPlan = None, yes: Agreed = False) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup can be restored.

    Run it again to apply changes, or to continue after a failure. deploy asks before it stops, replaces or
    deletes a node, and before it replaces or deletes the database's disk. Without a terminal it refuses such
    a change (exit code 3), unless --yes is given.

    With --plan, deploy applies the saved plans and does not ask. It refuses them (exit code 3) if the state,
    the code, the inputs or the account have changed since. Deferred changes are planned during the
    deployment, and deploy asks about them.

    Where physical backups are on but not in order, deploy ends with exit code 5: all else is done.

    Example: quickdata deploy --ask-vault-password
    """
    async with call.deployment() as d:
        deployed = await order.deploy(d, SavedPlans(plan) if plan else None, call.agreement(yes))
        d.report.findings += deployed.warnings
        d.report.prove("deploy and verify", node.in_words(deployed.proof), **deployed.proof)
        deployed.require_whole()
