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
    Doc("Apply exactly the plans that `plan` kept there."),
    Option(plan_to_read, metavar="DIR", folder="read"),
]
Agreed = Annotated[bool, Doc("Replace or delete nodes and disks without a question.")]


async def deploy(call: DeploymentCall, plan: SavedPlan = None, yes: Agreed = False) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup comes back.

    Running it again changes only what differs, and continues after a failure. Before a node or the database's
    disk is replaced or deleted, it asks; without a terminal it needs --yes, or is refused (exit code 3).
    With --plan the plans of `quickdata plan` are applied as they are, without a question, or refused (exit
    code 3) when the state, the code, the inputs or the account have changed. Deferred changes are planned
    during the deployment, and asked about.

    Example: quickdata deploy --ask-vault-password
    """
    async with call.deployment() as d:
        deployed = await order.deploy(d, SavedPlans(plan) if plan else None, call.agreement(yes))
        d.report.prove("deploy and verify", node.in_words(deployed.proof), **deployed.proof)
