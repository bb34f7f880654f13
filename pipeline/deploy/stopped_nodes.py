"""Nodes that are stopped in EC2: nothing is deployed to them, and the error says how to start them."""

from collections.abc import Iterable
from functools import partial

from pipeline.aws.account import Cloud
from pipeline.aws.existing import STOPPED, find_nodes
from pipeline.deployment import Deployment
from pipeline.errors import NodeStopped
from pipeline.tofu.plan import GOES, Plan


async def require_running(d: Deployment, app: Plan) -> None:
    """Refuse to deploy to stopped nodes: they have no address, and the wait for SSH would time out.

    Args:
        d: the deployment.
        app: the app stack's plan; a node that the plan removes may be stopped.

    Raises:
        NodeStopped: nodes are stopped; the error names them all.
    """
    nodes = await d.cloud.ask(partial(_find_stopped, d.cloud), d.suffix)
    stopped = {address: node for address, node in nodes if not app.touching(GOES, [address])}
    if stopped:
        listed = ", ".join(f"{address} ({node})" for address, node in stopped.items())
        fix = f"the app was not changed; {how_to_start(d, stopped.values())}"
        raise NodeStopped(f"app: these nodes are stopped in EC2: {listed}", fix)


def how_to_start(d: Deployment, nodes: Iterable[str]) -> str:
    """Return how to start stopped nodes. deploy is needed too, because they get new addresses."""
    command = f"aws ec2 start-instances --region {d.cloud.region} --instance-ids {' '.join(nodes)}"
    return d.advice(f"start them: `{command}`, then `quickdata deploy`")


def _find_stopped(cloud: Cloud, suffix: str) -> list[tuple[str, str]]:
    return list(find_nodes(cloud.client("ec2"), suffix, f"quickdata-{suffix}", STOPPED))
