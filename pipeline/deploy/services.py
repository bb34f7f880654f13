"""The services of the stack, as the Swarm lists them."""

from typing import Any

from pipeline.ansible.playbooks import printed_text
from pipeline.deployment import Deployment
from pipeline.errors import ToolError
from pipeline.steps.output import events

LIST = ("docker", "service", "ls", "--format", "{% raw %}{{json .}}{% endraw %}")
"""Ansible takes braces for its own; Debian's Docker 20.10 does not know `--format json` yet."""


async def list_services(d: Deployment, step: str, inventory: str = "") -> list[dict[str, Any]]:
    """Ask the manager which services there are.

    Args:
        d: the deployment, on real nodes.
        step: what users see.
        inventory: another inventory's path; empty for the deployment's own.

    Returns:
        Each with its name, image, and how many of its tasks run and are wanted.

    Raises:
        PipelineError: the manager does not answer, or its answer is not understood.
    """
    text = printed_text(await d.run(d.ansible.on_manager(step, *LIST, inventory=inventory)))
    try:
        return [_service(each) for each in events(text)]
    except (KeyError, ValueError) as error:
        fix = "run `sudo docker service ls` on the manager"
        raise ToolError("the manager's list of services is not understood", fix) from error


def _service(listed: dict[str, Any]) -> dict[str, Any]:
    running, _, replicas = str(listed["Replicas"]).split()[0].partition("/")
    return {
        "name": str(listed["Name"]),
        "running": int(running),
        "wanted": int(replicas),
        "image": str(listed["Image"]),
    }
