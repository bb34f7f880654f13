"""Nodes that are stopped in EC2: nothing is deployed to them, and the advice says how to start them."""

from collections.abc import Iterable
from functools import partial

from pipeline.aws.account import Cloud
from pipeline.aws.existing import STOPPED, find_nodes
from pipeline.deployment import Deployment
from pipeline.errors import NodeStopped
from pipeline.tofu.plan import GOES, Plan


async def require_running(d: Deployment, app: Plan) -> None:
    """Refuse to deploy to nodes that are stopped: they have no address, and SSH would be waited for in vain.

    Args:
        d: the deployment.
        app: the app stack's plan; a node that it ends may be stopped.

    Raises:
        NodeStopped: with every node that is stopped.
    """
    nodes = await d.cloud.ask(partial(_find_stopped, d.cloud), d.suffix)
    stopped = {address: node for address, node in nodes if not app.touching(GOES, [address])}
    if stopped:
        listed = ", ".join(f"{address} ({node})" for address, node in stopped.items())
        fix = f"nothing of the app was changed; {how_to_start(d, stopped.values())}"
        raise NodeStopped(f"app: these nodes are stopped in EC2: {listed}", fix)


def how_to_start(d: Deployment, nodes: Iterable[str]) -> str:
    """Return what to do about nodes that are stopped; deploy tells their new addresses to the others."""
    command = f"aws ec2 start-instances --region {d.cloud.region} --instance-ids {' '.join(nodes)}"
    return d.advice(f"start them: `{command}`, then `quickdata deploy`")


def _find_stopped(cloud: Cloud, suffix: str) -> list[tuple[str, str]]:
    return list(find_nodes(cloud.client("ec2"), suffix, f"quickdata-{suffix}", STOPPED))
