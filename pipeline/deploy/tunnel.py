"""Tunnels through SSH: NocoDB and Adminer at ports of this machine."""

import signal
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from pipeline.ansible.inventory import ssh_words
from pipeline.ansible.playbooks import FOLDER
from pipeline.deploy.order import refresh_inventory
from pipeline.deployment import ADMINER_PORT, NOCODB_PORT, Deployment
from pipeline.errors import ToolError
from pipeline.machine.waiting import until
from pipeline.servers.process import LOOPBACK, free_port
from pipeline.steps.step import Result, Step

AWAY_LIMIT = 120.0
"""How many seconds to try again after a connection broke: a node that boots again is back by then."""
PAUSE = 3.0
"""How many seconds between two tries."""
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SSH = (
    *("ssh", "-N", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-o", "ControlPath=none"),
    # A node that is gone is noticed after 45 seconds.
    *("-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"),
    # As in ansible.cfg: the node's host key is the one that Ansible has seen.
    *("-o", "UserKnownHostsFile=known_hosts", "-o", "StrictHostKeyChecking=accept-new"),
)


@dataclass(frozen=True)
class Tunnel:
    """A port of a node that SSH opens on this machine.

    Args:
        service: the service behind the port, which users see.
        node: the node, in words.
        port: the service's port on the node.
        reach: the words by which SSH reaches the node.
    """

    service: str
    node: str
    port: int
    reach: tuple[str, ...]

    def step(self, key: Path, local_port: int) -> Step:
        """Hold the tunnel open until its connection breaks.

        Args:
            key: the file with the private SSH key.
            local_port: the port on this machine.
        """
        named = str(key).replace("%", "%%")  # ssh_config(5), TOKENS
        forward = f"{LOOPBACK}:{local_port}:{LOOPBACK}:{self.port}"
        words = (*SSH, "-o", "IdentitiesOnly=yes", "-i", named, "-L", forward, *self.reach)
        return Step(f"tunnel to {self.service}", words, FOLDER)


async def find_tunnels(d: Deployment) -> list[Tunnel]:
    """Return the tunnels to the services of a deployment. With a domain, NocoDB needs none.

    Raises:
        ToolError: the app is not deployed.
        PipelineError: the app's state cannot be read.
    """
    reach = ssh_words(await refresh_inventory(d))
    adminer = Tunnel("Adminer", "the manager", ADMINER_PORT, reach["managers"])
    if domain := d.common.get("nocodb_domain"):
        d.progress.note(f"NocoDB: https://{domain} (needs no tunnel)")
        return [adminer]
    return [Tunnel("NocoDB", "the database node", NOCODB_PORT, reach["databases"]), adminer]


async def hold_until_signal(d: Deployment, tunnels: Iterable[Tunnel], key: Path) -> None:
    """Hold tunnels open until Ctrl-C, SIGTERM, or the end of the terminal.

    Args:
        d: the deployment.
        tunnels: the tunnels.
        key: the file with the private SSH key.

    Raises:
        ToolError: a node does not answer.
    """
    with anyio.open_signal_receiver(*ENDS) as signals:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_at_a_signal, signals, group.cancel_scope)
            for each in tunnels:
                await group.start(hold, d, each, key)
            d.progress.note("Ctrl-C closes the tunnels.")


async def _cancel_at_a_signal(signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope) -> None:
    await anext(signals)
    scope.cancel()


async def hold(
    d: Deployment, tunnel: Tunnel, key: Path, *, task_status: TaskStatus[str] = TASK_STATUS_IGNORED
) -> None:
    """Hold a tunnel open. When its connection breaks, connect again.

    Args:
        d: the deployment.
        tunnel: the tunnel.
        key: the file with the private SSH key.
        task_status: is told the address when the tunnel is open.

    Raises:
        ToolError: the node does not answer: at once, or for AWAY_LIMIT seconds after the connection broke.
    """
    give_up_at = anyio.current_time()
    while True:
        opened, port = anyio.Event(), choose_port(tunnel.port)
        async with anyio.create_task_group() as group:
            group.start_soon(_tell_when_open, d, tunnel, port, opened, task_status)
            ended = await d.run(tunnel.step(key, port))
            group.cancel_scope.cancel()
        if opened.is_set():
            give_up_at, task_status = anyio.current_time() + AWAY_LIMIT, TASK_STATUS_IGNORED
            d.progress.note(f"! the connection to {tunnel.node} broke; connecting again")
        if anyio.current_time() >= give_up_at:
            raise _unreachable(d, tunnel, ended)
        await anyio.sleep(PAUSE)


async def _tell_when_open(
    d: Deployment, tunnel: Tunnel, port: int, opened: anyio.Event, task_status: TaskStatus[str]
) -> None:
    await until(partial(_is_open, port), float("inf"))
    address = f"http://{LOOPBACK}:{port}"
    d.progress.note(f"{tunnel.service}: {address}")
    opened.set()
    task_status.started(address)


async def _is_open(port: int) -> bool:
    try:
        async with await anyio.connect_tcp(LOOPBACK, port):
            return True
    except OSError:
        return False


def choose_port(wanted: int) -> int:
    """Return a port of this machine that is free now: the wanted one, if possible."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as SSH does
        probe.bind((LOOPBACK, wanted))
        return wanted
    return free_port()


def _unreachable(d: Deployment, tunnel: Tunnel, ended: Result) -> ToolError:
    what = f"{tunnel.service} cannot be reached: {tunnel.node} refuses SSH, or does not answer"
    fix = (
        "see whether the node runs: `quickdata status`; your address must be in TF_VAR_admin_cidr; then open"
        " the tunnel again: `quickdata tunnel`"
    )
    return ToolError(what, d.advice(fix), ended.stderr)
