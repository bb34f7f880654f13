"""A lost state: AWS has resources that the state does not contain, so a plan would create them again."""

from pipeline.aws import existing
from pipeline.aws.account import BUCKET
from pipeline.deployment import Deployment
from pipeline.errors import StateLost
from pipeline.tofu.plan import NODES, Plan
from pipeline.tofu.stack import Stack


async def find_existing(d: Deployment, stack: Stack) -> dict[str, str]:
    """Return the resources of a stack that exist in AWS: identifiers by address."""
    if stack.name == "storage":
        return await existing.find_storage(d.cloud, d.bucket)
    return await existing.find_app(d.cloud, d.suffix)


async def require_not_lost(d: Deployment, storage: Plan | None = None, app: Plan | None = None) -> None:
    """Refuse plans that create resources which exist already: the state was lost, completely or in part.

    Args:
        d: the deployment.
        storage: the storage stack's plan, if it is about to be applied.
        app: the app stack's plan, if it is about to be applied.

    Raises:
        StateLost: a plan creates existing resources; the error names them all.
        BucketTaken: the bucket belongs to another account.
    """
    if storage and BUCKET in storage.created:
        await d.cloud.require_free(d.bucket, d.backend.name)
    if app and app.created:
        existing = await find_existing(d, d.app)
        lost = [f"{address} ({existing[address]})" for address in app.created if address in existing]
        if lost:
            what = f"the app's state does not contain resources that exist in AWS: {', '.join(lost)}"
            fix = "restore the state of infrastructure/terraform, or run `quickdata adopt app`"
            raise StateLost(what, d.advice(fix))


async def require_known(d: Deployment) -> None:
    """Refuse if the app's state has no nodes but AWS has some: `deploy` would not create them.

    Raises:
        StateLost: there are such nodes; the error names them all.
    """
    nodes = [
        f"{at} ({node})" for at, node in (await find_existing(d, d.app)).items() if at.startswith(NODES[0])
    ]
    if nodes:
        what = f"the app's state contains no node, but AWS has {', '.join(nodes)}"
        raise StateLost(what, d.advice("restore the app's state, or run `quickdata adopt app`"))
