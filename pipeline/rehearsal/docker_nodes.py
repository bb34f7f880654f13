"""A rehearsal's nodes as containers: an SSH server and a Docker daemon each, on a network of its own."""

import os
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from anyio import CancelScope, create_task_group, run_process

from pipeline.errors import ToolError
from pipeline.machine.network import DIRECT, PROXIES, authorities
from pipeline.machine.scratch import NODES, dead, remove
from pipeline.machine.waiting import until
from pipeline.reporting.progress import Progress
from pipeline.runners.cleanup import afterwards
from pipeline.servers.docker import docker, inspect_images, pour

CONTEXT = Path(__file__).with_name("node")
BASE = "debian:bookworm-slim"
"""What the nodes' image is built from, as its Dockerfile says."""
LABEL = "quickdata.rehearsal"
RUN = r"quickdata-[0-9a-f]{8}"
"""A run's name."""
NETWORKS = 20
"""How many ranges of addresses are tried."""
DAEMON_LIMIT = 60.0
"""Seconds that a node's Docker has to start."""
REMOVAL_LIMIT = 120.0
"""Seconds that Docker has to remove the nodes."""
RIGHTS = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE"),  # the most that a container can have on any machine
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
    "--security-opt=systempaths=unconfined",  # an overlay network sets /proc/sys
    *("--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns=host"),
)
"""What a Docker daemon in a container needs."""
SOCKET = "workspace/home/.ansible/cp/0123456789.0123456789abcdef"
"""Where SSH keeps a connection open, as it names it at first: Ansible's hash, and SSH's own ending."""
SOCKET_MAX = 107
"""Bytes that a socket's path may have: unix(7), sun_path."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""The machine's own: a closed network has its own authority, which the nodes have to know too."""
BY_PROXY = tuple(f"--build-arg={case}" for name in (*PROXIES[:2], DIRECT) for case in (name, name.lower()))
"""Predefined arguments (Docker's docs: "Predefined ARGs"): kept in no image, their values in no command."""


@dataclass(frozen=True)
class Nodes:
    """Running nodes.

    Args:
        run: the name of this run: its containers' names begin with it.
        gateway: the address under which the nodes reach this machine.
        addresses: the nodes' own, by name.
        key: the private half of the key that lets the user admin in.
        public_key: its public half.
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
async def nodes(directory: Path, stock: Mapping[str, Iterable[str]]) -> AsyncIterator[Nodes]:
    """Run nodes beside the block; nothing of them is left behind, whatever ends it.

    Args:
        directory: an own directory, for the key.
        stock: the images that each node starts with, by the node's name.

    Raises:
        ToolError: Docker refused something, or SSH could not use the directory's name.
    """
    if len(os.fsencode(directory / SOCKET)) > SOCKET_MAX:
        raise ToolError(f"{directory} is too long a name for SSH's sockets", "run again with TMPDIR=/tmp")
    if '"' in str(directory):
        raise ToolError(f'{directory} holds a ", which Ansible cannot give SSH', "run again with TMPDIR=/tmp")
    run = f"quickdata-{secrets.token_hex(4)}"
    (directory / NODES).write_text(run)  # so that the next run knows, when this one is killed
    async with afterwards(partial(_remove, run)):
        image = await _build_image()
        prefix = await _create_network(run)
        addresses = {name: f"{prefix}.{number}" for number, name in enumerate(stock, start=10)}
        started = Nodes(run, f"{prefix}.1", addresses, *await _make_key(directory))
        async with create_task_group() as group:
            for name, names in stock.items():
                group.start_soon(_start, started, name, image, tuple(names))
        yield started


async def remove_dead_ones(progress: Progress) -> None:
    """Remove the nodes and the directories of killed rehearsals; without Docker they stay for another time.

    Args:
        progress: told of what is removed, and of what cannot be.
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
            what = f"! the nodes {run} of a killed rehearsal are still there"
            progress.note(f"{what}: {error.what}; start Docker and rehearse again")
        else:
            remove(directory)
            progress.note(f"removed the nodes {run} and {directory}, which a killed run had left")


async def renew(nodes: Nodes, stock: Mapping[str, Iterable[str]]) -> None:
    """Put new machines in the place of the old ones, with the same names and addresses.

    Raises:
        ToolError: Docker refused something.
    """
    image = await _build_image()
    async with create_task_group() as group:
        for name, names in stock.items():
            await docker("rm", "--force", "--volumes", nodes.container(name))
            group.start_soon(_start, nodes, name, image, tuple(names))


async def _build_image() -> str:
    """Return the name of the nodes' image, which is built where it is missing."""
    content = b"".join(path.read_bytes() for path in sorted(CONTEXT.iterdir()))
    name = f"quickdata-node:{sha256(content).hexdigest()[:12]}"
    if name not in await inspect_images([name]):
        await docker(
            "build", "--quiet", "--force-rm", "--network=host", *BY_PROXY, "--tag", name, str(CONTEXT)
        )
    return name


async def _create_network(run: str) -> str:
    """Create a network whose range is free; return the first three parts of its addresses."""
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
    raise ToolError("Docker has no room for another network", "remove old ones: docker network prune")


async def _make_key(directory: Path) -> tuple[str, str]:
    path = directory / "key"
    await run_process(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rehearsal", "-f", str(path)))
    key, public = path.read_text(), path.with_name("key.pub").read_text()
    path.unlink()
    return key, public.strip()


async def _start(nodes: Nodes, name: str, image: str, stock: tuple[str, ...]) -> None:
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
    if stock:
        await pour(container, stock)


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
    """Make something to the end: a daemon that is left alone goes on, and is found out too late."""
    with CancelScope(shield=True):
        await docker(*words)


async def _remove(run: str) -> None:
    """Remove everything of a run; what the daemon is still busy with is tried again."""
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
