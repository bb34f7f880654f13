"""The nodes of a rehearsal as containers. Each has an SSH server and a Docker daemon."""

import os
import re
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from anyio import CancelScope, create_task_group, run_process

from pipeline.errors import ToolError
from pipeline.machine.network import DIRECT, PROXIES, authorities
from pipeline.machine.scratch import NODES, dead, remove
from pipeline.machine.waiting import until
from pipeline.reporting.activity import Act
from pipeline.reporting.progress import Progress
from pipeline.runners.cleanup import afterwards
from pipeline.servers.docker import docker, inspect_images, pour

CONTEXT = Path(__file__).with_name("node")
BASE = "debian:trixie-slim"
"""The nodes' base image: Debian 13, as on nodes that are created on AWS."""
OLDER_BASE = "debian:bookworm-slim"
"""The same for Debian 12, as on nodes that earlier versions created."""
LABEL = "quickdata.rehearsal"
RUN = r"quickdata-[0-9a-f]{8}"
"""The name of a run."""
NETWORKS = 20
"""How many address ranges to try."""
DAEMON_LIMIT = 60.0
"""How many seconds to wait for the start of Docker in a node."""
REMOVAL_LIMIT = 120.0
"""How many seconds to wait until Docker has removed the nodes."""
RIGHTS = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE"),  # some machines do not allow SYS_RESOURCE
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
    "--security-opt=systempaths=unconfined",  # an overlay network sets /proc/sys
    *("--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns=host"),
)
"""The rights that a Docker daemon in a container needs."""
SOCKET = "workspace/home/.ansible/cp/0123456789.0123456789abcdef"
"""The path of SSH's socket for an open connection: Ansible's hash, with the ending that SSH adds at first."""
SOCKET_MAX = 107
"""The most bytes of a socket's path. Source: unix(7), sun_path."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""This machine's certificates. The nodes need them too if a closed network has its own authority."""
BY_PROXY = tuple(f"--build-arg={case}" for name in (*PROXIES[:2], DIRECT) for case in (name, name.lower()))
"""Predefined arguments (Docker's docs: "Predefined ARGs"): no image keeps them, and argv has no values."""


@dataclass(frozen=True)
class Nodes:
    """Running nodes.

    Args:
        run: the name of this run; the names of its containers begin with it.
        gateway: the address at which the nodes reach this machine.
        addresses: the addresses of the nodes, by name.
        key: the private SSH key of the user admin.
        public_key: the public SSH key of the user admin.
    """

    run: str
    gateway: str
    addresses: Mapping[str, str]
    key: str
    public_key: str

    def container(self, name: str) -> str:
        """Return the name of a node's container."""
        return f"{self.run}-{name}"


@asynccontextmanager
async def nodes(
    directory: Path,
    stock: Mapping[str, Iterable[str]],
    older: Collection[str] = (),
    act: Act = nullcontext,
) -> AsyncIterator[Nodes]:
    """Run nodes during the block. They are always removed completely.

    Args:
        directory: a directory of their own, for the key.
        stock: the images that each node starts with, by the node's name.
        older: the names of the nodes with Debian 12.
        act: shows start, copying of images and removal.

    Raises:
        ToolError: Docker reported an error, or SSH cannot use the directory's name.
    """
    if len(os.fsencode(directory / SOCKET)) > SOCKET_MAX:
        raise ToolError(f"the path {directory} is too long for SSH's sockets", "run again with TMPDIR=/tmp")
    if '"' in str(directory):
        what = f'the path {directory} contains ", which Ansible cannot pass to SSH'
        raise ToolError(what, "run again with TMPDIR=/tmp")
    run = f"quickdata-{secrets.token_hex(4)}"
    (directory / NODES).write_text(run)  # if this run is killed, the next run removes these nodes
    async with afterwards(partial(_remove, run, act)):
        with act("nodes: image"):
            images = {name: await _build_image(OLDER_BASE if name in older else BASE) for name in stock}
        prefix = await _create_network(run)
        addresses = {name: f"{prefix}.{number}" for number, name in enumerate(stock, start=10)}
        started = Nodes(run, f"{prefix}.1", addresses, *await _make_key(directory))
        async with create_task_group() as group:
            for name, names in stock.items():
                group.start_soon(_start, started, name, images[name], tuple(names), act)
        yield started


async def remove_dead_ones(progress: Progress) -> None:
    """Remove the nodes and the directories of killed rehearsals. If Docker does not run, a later run does it.

    Args:
        progress: shows what is removed, and what cannot be removed.
    """
    for directory in dead():
        file = directory / NODES
        run = file.read_text() if file.exists() else ""
        if not re.fullmatch(RUN, run):
            continue
        try:
            await docker("version", "--format", "{{.Server.Version}}")
            await _remove(run)
        except ToolError as error:
            what = f"! the nodes {run} of a killed rehearsal still exist"
            progress.note(f"{what}: {error.what}; start Docker and rehearse again")
        else:
            remove(directory)
            progress.note(f"removed the nodes {run} and {directory}, which a killed run left behind")


async def renew(nodes: Nodes, stock: Mapping[str, Iterable[str]]) -> None:
    """Replace the nodes by new ones with the same names and addresses.

    Raises:
        ToolError: Docker reported an error.
    """
    image = await _build_image(BASE)
    async with create_task_group() as group:
        for name, names in stock.items():
            await docker("rm", "--force", "--volumes", nodes.container(name))
            group.start_soon(_start, nodes, name, image, tuple(names))


async def _build_image(base: str) -> str:
    """Return the name of the nodes' image with a base, and build the image if it is missing."""
    content = b"".join(path.read_bytes() for path in sorted(CONTEXT.iterdir()))
    name = f"quickdata-node:{sha256(base.encode() + content).hexdigest()[:12]}"
    if name not in await inspect_images([name]):
        options = ("--quiet", "--force-rm", "--network=host", f"--build-arg=BASE={base}", *BY_PROXY)
        await docker("build", *options, "--tag", name, str(CONTEXT))
    return name


async def _create_network(run: str) -> str:
    """Create a network with a free address range; return the first three parts of its addresses."""
    for _ in range(NETWORKS):
        prefix = f"10.213.{secrets.randbelow(256)}"
        label = f"--label={LABEL}={run}"
        try:
            await _make("network", "create", label, f"--subnet={prefix}.0/24", f"--gateway={prefix}.1", run)
        except ToolError as error:
            if "overlaps" not in error.tail:
                raise
        else:
            return prefix
    raise ToolError("Docker found no free address range", "remove unused networks: docker network prune")


async def _make_key(directory: Path) -> tuple[str, str]:
    path = directory / "key"
    await run_process(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rehearsal", "-f", str(path)))
    key, public = path.read_text(), path.with_name("key.pub").read_text()
    path.unlink()
    return key, public.strip()


async def _start(nodes: Nodes, name: str, image: str, stock: tuple[str, ...], act: Act = nullcontext) -> None:
    with act(f"{name}: start"):
        await _run(nodes, name, image)
    if stock:
        with act(f"{name}: copy images"):
            await pour(nodes.container(name), stock)


async def _run(nodes: Nodes, name: str, image: str) -> None:
    """Run a node's container, let the SSH key in, and wait for its Docker."""
    container = nodes.container(name)
    named = ("--name", container, "--hostname", name, f"--label={LABEL}={nodes.run}")
    placed = ("--network", nodes.run, "--ip", nodes.addresses[name])
    known = authorities() or CERTIFICATES
    trusted = (f"--volume={known}:{CERTIFICATES}:ro",) if known.exists() else ()
    await _make("run", "--detach", *named, *placed, *RIGHTS, *trusted, image)
    keys = "/home/admin/.ssh/authorized_keys"
    await docker(
        *("exec", "-i", "--user=admin", container, "dd", "status=none", f"of={keys}"),
        stdin=nodes.public_key.encode(),
    )
    await _require_docker(container)


async def _require_docker(container: str) -> None:
    if not await until(partial(_docker_answers, container), DAEMON_LIMIT):
        log = await docker("exec", container, "tail", "-n", "5", "/var/log/docker.log")
        raise ToolError("Docker does not start in a node", "rehearse with --nodes local", log)


async def _docker_answers(container: str) -> bool:
    try:
        await docker("exec", container, "docker", "info")
    except ToolError:
        return False
    return True


async def _make(*words: str) -> None:
    """Run a Docker command to its end, even on an interrupt: the daemon would create the object anyway."""
    with CancelScope(shield=True):
        await docker(*words)


async def _remove(run: str, act: Act = nullcontext) -> None:
    """Remove all containers and networks of a run, and try again while the daemon is busy with them."""
    with act("nodes: removal"):
        if not await until(partial(_try_to_remove, run), REMOVAL_LIMIT):
            label = f"label={LABEL}={run}"
            fix = f"docker rm -fv $(docker ps -aq --filter {label}); docker network rm {run}"
            raise ToolError(f"the nodes {run} could not be removed", fix)


async def _try_to_remove(run: str) -> bool:
    try:
        if containers := await docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={run}"):
            await docker("rm", "--force", "--volumes", *containers.split())
            return False
        if await docker("network", "ls", "--quiet", "--filter", f"label={LABEL}={run}"):
            await docker("network", "rm", run)
    except ToolError:
        return False
    return True
