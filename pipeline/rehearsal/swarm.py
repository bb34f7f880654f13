"""A rehearsal's deployment on a Swarm: its nodes are containers that Ansible reaches by SSH."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import yaml

from pipeline.deploy.upgrade import PITR_BUILT, PITR_IMAGE
from pipeline.deployment import Deployment
from pipeline.machine.network import for_other_machines
from pipeline.machine.repository import REPOSITORY
from pipeline.machine.room import Need, require_room, temporary
from pipeline.rehearsal import physical
from pipeline.rehearsal.docker_nodes import Nodes, nodes
from pipeline.rehearsal.local_nodes import workbench
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.reporting.activity import Shown, activity
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
"""The bytes of the rehearsal's directory: LocalStack's objects and the files of the tools."""
NODES_BYTES = 10**9
"""The bytes that two nodes write besides their images: Python's packages, the database, Docker's files."""
PLACED = {"manager": ("adminer",), "database": ("db", "nocodb")}
"""Which node runs which service of the stack. With a domain, the manager also runs the proxy."""


@dataclass(frozen=True)
class Swarm:
    """A deployment on a Swarm, with its nodes and its emulator.

    Args:
        d: the deployment.
        nodes: the nodes.
        aws: the emulator.
        secrets: the values in the vault.
    """

    d: Deployment
    nodes: Nodes
    aws: LocalStack
    secrets: Mapping[str, str]


@asynccontextmanager
async def swarm(
    progress: Progress,
    report: Report,
    suffix: str,
    workers: int = 0,
    domain: str = "",
    older: Collection[str] = (),
) -> AsyncIterator[Swarm]:
    """Prepare a deployment on new nodes. Everything is removed after the block.

    Args:
        progress: shows notes and steps to the user.
        report: records every step.
        suffix: the deployment's suffix, lower case.
        workers: the number of nodes besides manager and database.
        domain: the name at which a proxy serves NocoDB with its own certificate authority; empty for none.
        older: the names of the nodes with Debian 12.

    Raises:
        PipelineError: a server, a node or a step failed.
    """
    content, needed, act = vault(), await find_stock(workers, domain), partial(activity, progress, report)
    require_room(await _needs(needed))
    find_or_download_tofu()  # before the nodes start, because a download takes time
    with throwaway_workspace() as directory:
        async with (
            nodes(directory, needed, older, act) as machines,
            Shown(act, "LocalStack", localstack(directory / "localstack", listen=machines.gateway)) as aws,
        ):
            names = ", ".join(machines.container(name) for name in needed)
            progress.note(f"nodes: {names} run; to look into one: docker exec -it NAME bash")
            bench = workbench(directory / "workspace", _secrets(machines, content), progress)
            d = _with_addresses(
                emulated_deployment(aws, bench, suffix, progress, report, machines.public_key), machines
            )
            d = _with_domain(with_workers(d, workers), domain)
            d = replace(d, common={**d.common, **_physical_backups(needed)})
            await require_emulator(d.cloud)
            await lay_vault(d, content)
            yield Swarm(d, machines, aws, content)


async def _needs(stock: Mapping[str, tuple[str, ...]]) -> list[Need]:
    """Return the space needed for the workspace, and for the nodes in Docker: each has its own images."""
    room = temporary(WORKSPACE_BYTES, "for a rehearsal")
    needs = [room, *tools.downloads(room.directory / folder for folder in STACKS.values())]
    root = Path(await docker("info", "--format", "{{.DockerRootDir}}"))
    if not root.is_dir():  # Docker runs on another machine, although its socket is here
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
    """Use the addresses of the containers: those of LocalStack's instances are invented, as is the volume."""
    own: dict[str, Any] = {"data_volume_id": "", "node_environment": node_environment()}
    where = {
        name: {"ansible_host": address, "private_ip": address, **own}
        for name, address in machines.addresses.items()
    }
    return replace(d, ansible=replace(d.ansible, secret_files=(NODES_KEY,)), hosts=where)


def _physical_backups(stock: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return the variable that names the image with pgBackRest; without one here, the node builds it."""
    image = next((name for name in stock["database"] if name.startswith(PITR_BUILT)), "")
    return {PITR_IMAGE: image} if image else {}


def node_environment() -> dict[str, str]:
    """Return the variables for downloads on a node. Ansible looks up their values when it needs them."""
    return {name: f"{{{{ lookup('ansible.builtin.env', '{name}') }}}}" for name in for_other_machines()}


def _with_domain(d: Deployment, domain: str) -> Deployment:
    if not domain:
        return d
    app = replace(d.app, env={**d.app.env, "TF_VAR_domain": domain})
    return replace(d, app=app, common={**d.common, "nocodb_domain": domain, "nocodb_tls": "internal"})


def with_workers(d: Deployment, workers: int) -> Deployment:
    """Return the deployment with a number of nodes besides manager and database."""
    return replace(d, app=replace(d.app, env={**d.app.env, "TF_VAR_workers": str(workers)}))


def stock(workers: int = 0, domain: str = "") -> dict[str, tuple[str, ...]]:
    """Return the images that each node needs, by the node's name.

    Args:
        workers: the number of nodes besides manager and database.
        domain: the name at which a proxy serves NocoDB; empty for none.
    """
    named = yaml.safe_load(IMAGES.read_text(encoding="utf-8"))["images"]
    placed = PLACED | {f"worker-{number}": () for number in range(1, workers + 1)}
    if domain:
        placed["manager"] += ("proxy",)
    return {node: tuple(named[service] for service in services) for node, services in placed.items()}


async def find_stock(workers: int = 0, domain: str = "") -> dict[str, tuple[str, ...]]:
    """Return the images that each node gets: with pgBackRest, if it is needed and this machine has it.

    Otherwise the database node builds it, as a real one does.

    Args:
        workers: the number of nodes besides manager and database.
        domain: the name at which a proxy serves NocoDB; empty for none.
    """
    named = stock(workers, domain)
    db, *others = named["database"]
    return named | {"database": (await physical.find_image(db), *others)}


async def find_stand_ins() -> list[str]:
    """Return the names of the images that are stand-ins for the real ones."""
    known = await inspect_images(name for names in (await find_stock()).values() for name in names)
    return [name for name, image in known.items() if (image["Config"].get("Labels") or {}).get(STAND_IN)]
