"""A lost state: AWS has what the state does not know, so a plan would create it again."""

from pipeline.aws import existing
from pipeline.aws.account import BUCKET
from pipeline.deployment import Deployment
from pipeline.errors import StateLost
from pipeline.tofu.plan import NODES, Plan
from pipeline.tofu.stack import Stack


async def find_existing(d: Deployment, stack: Stack) -> dict[str, str]:
    """Return what exists of a stack, identifiers by address."""
    if stack.name == "storage":
        return await existing.find_storage(d.cloud, d.bucket)
    return await existing.find_app(d.cloud, d.suffix)


async def require_not_lost(d: Deployment, storage: Plan | None = None, app: Plan | None = None) -> None:
    """Refuse plans that create what is there already: the state has lost it, wholly or in part.

    Args:
        d: the deployment.
        storage: the storage stack's plan, if it is about to be applied.
        app: the app stack's plan, if it is about to be applied.

    Raises:
        StateLost: with everything that is there.
        BucketTaken: another account has the bucket.
    """
    if storage and BUCKET in storage.created:
        await d.cloud.require_free(d.bucket, d.backend.name)
    if app and app.created:
        existing = await find_existing(d, d.app)
        lost = [f"{address} ({existing[address]})" for address in app.created if address in existing]
        if lost:
            what = f"the app's state does not know what exists in AWS: {', '.join(lost)}"
            fix = "bring back the state of infrastructure/terraform, or run `quickdata adopt app`"
            raise StateLost(what, d.advice(fix))


async def require_known(d: Deployment) -> None:
    """Refuse where the app's state knows no node and AWS has some: `deploy` would not create them.

    Raises:
        StateLost: with every node that is there.
    """
    nodes = [
        f"{at} ({node})" for at, node in (await find_existing(d, d.app)).items() if at.startswith(NODES[0])
    ]
    if nodes:
        what = f"the app's state knows no node, but AWS has {', '.join(nodes)}"
        raise StateLost(what, d.advice("bring the state back, or run `quickdata adopt app`"))
