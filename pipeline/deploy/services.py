"""The services of the stack, as the Swarm lists them."""

from typing import Any

from pipeline.ansible.playbooks import printed_text
from pipeline.deployment import Deployment
from pipeline.errors import ToolError
from pipeline.steps.output import events

LIST = ("docker", "service", "ls", "--format", "{% raw %}{{json .}}{% endraw %}")
"""Without "raw", Ansible reads the braces as a template. Debian's Docker 20.10 has no `--format json`."""


async def list_services(d: Deployment, step: str, inventory: str = "") -> list[dict[str, Any]]:
    """Ask the manager for the list of services.

    Args:
        d: the deployment, on real nodes.
        step: the name of the step, which users see.
        inventory: the path of another inventory; empty means the deployment's own.

    Returns:
        For each service its name, its image, and how many tasks run and should run.

    Raises:
        PipelineError: the manager does not answer, or its answer cannot be read.
    """
    text = printed_text(await d.run(d.ansible.on_manager(step, *LIST, inventory=inventory)))
    try:
        return [_service(each) for each in events(text)]
    except (KeyError, ValueError) as error:
        fix = "run `sudo docker service ls` on the manager, and see what it prints"
        raise ToolError("the manager's list of services cannot be read", fix) from error


def _service(listed: dict[str, Any]) -> dict[str, Any]:
    running, _, replicas = str(listed["Replicas"]).split()[0].partition("/")
    return {
        "name": str(listed["Name"]),
        "running": int(running),
        "wanted": int(replicas),
        "image": str(listed["Image"]),
    }
