"""A deployment on real nodes: containers that Ansible reaches by SSH, with a Swarm that runs the stack."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import yaml

from pipeline.deployment import Deployment
from pipeline.machine.network import for_other_machines
from pipeline.machine.repository import REPOSITORY
from pipeline.machine.room import Need, require_room, temporary
from pipeline.rehearsal.docker_nodes import Nodes, nodes
from pipeline.rehearsal.local_nodes import workbench
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.docker import STAND_IN, docker, inspect_images
from pipeline.servers.localstack import LocalStack, localstack
from pipeline.targets.aws import NODES_KEY
from pipeline.targets.emulator import (
    OWNER,
    VAULT_PASSWORD,
    emulated_deployment,
    lay_vault,
    require_emulator,
    vault,
)
from pipeline.tofu import binary as tools
from pipeline.tofu.download import find_or_download_tofu
from pipeline.tofu.stack import STACKS

IMAGES = REPOSITORY / "infrastructure/ansible/group_vars/all/images.yml"
WORKSPACE_BYTES = 100 * 10**6
"""A directory without nodes in it: LocalStack's objects, the tools' own files."""
NODES_BYTES = 10**9
"""What two nodes write beside their images: Python's packages, the database, Docker's own."""
PLACED = {"manager": ("adminer",), "database": ("db", "nocodb")}
"""Which node runs which service of the stack; with a domain, the manager the proxy too."""


@dataclass(frozen=True)
class Swarm:
    """A deployment on real nodes, and what it runs in.

    Args:
        d: the deployment.
        nodes: its nodes.
        aws: the emulator.
        secrets: what its vault holds.
    """

    d: Deployment
    nodes: Nodes
    aws: LocalStack
    secrets: Mapping[str, str]


@asynccontextmanager
async def swarm(
    progress: Progress, report: Report, suffix: str, workers: int = 0, domain: str = ""
) -> AsyncIterator[Swarm]:
    """Prepare a deployment on new nodes; nothing of it is left behind.

    Args:
        progress: told of everything that happens.
        report: notes every step.
        suffix: the deployment's suffix, lower case.
        workers: how many nodes there are besides manager and database.
        domain: under which a proxy serves NocoDB, with a certificate of its own authority; empty for none.

    Raises:
        PipelineError: a server, a node or a step failed.
    """
    content, needed = vault(), stock(workers, domain)
    require_room(await _needs(needed))
    find_or_download_tofu()  # it may have to be downloaded: nodes would wait for it
    with throwaway_workspace() as directory:
        progress.note(
            f"nodes: {len(needed)} containers are started, and the stack's images are loaded into them"
        )
        async with (
            nodes(directory, needed) as machines,
            localstack(directory / "localstack", listen=machines.gateway) as aws,
        ):
            names = ", ".join(machines.container(name) for name in needed)
            progress.note(
                f"nodes: they are up; to look into one while it runs: docker exec -it NAME bash: {names}"
            )
            bench = workbench(directory / "workspace", _secrets(machines, content), progress)
            d = _with_addresses(
                emulated_deployment(aws, bench, suffix, progress, report, machines.public_key), machines
            )
            d = _with_domain(with_workers(d, workers), domain)
            await require_emulator(d.cloud)
            await lay_vault(d, content)
            yield Swarm(d, machines, aws, content)


async def _needs(stock: Mapping[str, tuple[str, ...]]) -> list[Need]:
    """Return what room is needed here, and where Docker keeps the nodes: each has its images once more."""
    room = temporary(WORKSPACE_BYTES, "for a rehearsal")
    needs = [room, *tools.downloads(room.directory / folder for folder in STACKS.values())]
    root = Path(await docker("info", "--format", "{{.DockerRootDir}}"))
    if not root.is_dir():  # Docker's machine is not this one, whatever its socket says
        return needs
    sizes = {
        name: int(image["Size"]) for name, image in (await inspect_images(chain(*stock.values()))).items()
    }
    size = sum(sizes.get(name, 0) for names in stock.values() for name in names)
    return [*needs, Need(root, NODES_BYTES + size, "for the nodes", "rehearse with --nodes local")]


def _secrets(machines: Nodes, content: Mapping[str, str]) -> dict[str, str]:
    masked = {name: value for name, value in content.items() if value != OWNER}
    return {VAULT_PASSWORD: token_urlsafe(18), NODES_KEY: machines.key, **masked}


def _with_addresses(d: Deployment, machines: Nodes) -> Deployment:
    """LocalStack's instances are records: their addresses and their volume are nobody's."""
    own: dict[str, Any] = {"data_volume_id": "", "node_environment": node_environment()}
    where = {
        name: {"ansible_host": address, "private_ip": address, **own}
        for name, address in machines.addresses.items()
    }
    return replace(d, ansible=replace(d.ansible, secret_files=(NODES_KEY,)), hosts=where)


def node_environment() -> dict[str, str]:
    """Return the variables with which a node downloads, whose values Ansible looks up when it needs them."""
    return {name: f"{{{{ lookup('ansible.builtin.env', '{name}') }}}}" for name in for_other_machines()}


def _with_domain(d: Deployment, domain: str) -> Deployment:
    if not domain:
        return d
    app = replace(d.app, env={**d.app.env, "TF_VAR_domain": domain})
    return replace(d, app=app, common={**d.common, "nocodb_domain": domain, "nocodb_tls": "internal"})


def with_workers(d: Deployment, workers: int) -> Deployment:
    """Return the deployment with so many nodes besides manager and database."""
    return replace(d, app=replace(d.app, env={**d.app.env, "TF_VAR_workers": str(workers)}))


def stock(workers: int = 0, domain: str = "") -> dict[str, tuple[str, ...]]:
    """Return the images that each node has to have, by the node's name.

    Args:
        workers: how many nodes there are besides manager and database.
        domain: the name under which a proxy serves NocoDB; empty for none.
    """
    named = yaml.safe_load(IMAGES.read_text(encoding="utf-8"))["images"]
    placed = PLACED | {f"worker-{number}": () for number in range(1, workers + 1)}
    if domain:
        placed["manager"] += ("proxy",)
    return {node: tuple(named[service] for service in services) for node, services in placed.items()}


async def find_stand_ins() -> list[str]:
    """Return the names of those images that are not the real ones."""
    known = await inspect_images(name for names in stock().values() for name in names)
    return [name for name, image in known.items() if (image["Config"].get("Labels") or {}).get(STAND_IN)]
