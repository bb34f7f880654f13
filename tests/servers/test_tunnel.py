"""Tunnels through a real SSH server on the loopback."""

import getpass
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import anyio
import httpx
import psutil
import pytest

from pipeline.ansible.playbooks import FOLDER
from pipeline.cli.console import run_without_report
from pipeline.deploy import tunnel as tunnels
from pipeline.deploy.tunnel import Tunnel, choose_port, hold
from pipeline.deployment import Deployment
from pipeline.errors import ToolError
from pipeline.machine.repository import REPOSITORY
from pipeline.machine.waiting import until
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.steps.step import Result, Step
from pipeline.verbs import verb
from tests.support.listening import on_loopback_alone
from tests.support.recording import RecordingRunner, deployment
from tests.support.sshd import Sshd, sshd
from tests.support.verbs import OnDeployment

GREETING = "the page of a service"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with sshd(tmp_path) as found:
        yield found


@contextmanager
def service(folder: Path) -> Iterator[int]:
    """A web server on the node, which is this machine; yield its port."""
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text(GREETING)
    with HTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http.server_port
        http.shutdown()


class Notes(Progress):
    """Keeps the addresses that a user sees."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def note(self, text: str) -> None:
        super().note(text)
        self.addresses += [word for word in text.split() if word.startswith("http://")]


class OnlySsh(RecordingRunner):
    """Runs SSH, and answers for all other tools."""

    def __init__(self, host: HostRunner) -> None:
        super().__init__()
        self.host = host

    async def run(self, step: Step) -> Result:
        return await (self.host.run(step) if step.command[0] == "ssh" else super().run(step))


def deployment_in(folder: Path) -> tuple[Deployment, Notes]:
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    notes = Notes()
    d = deployment(OnlySsh(HostRunner(folder, {}, notes)))
    return replace(d, progress=notes), notes


@dataclass
class Case:
    """A service and its tunnel."""

    server: Sshd
    port: int
    d: Deployment
    notes: Notes

    @property
    def tunnel(self) -> Tunnel:
        return Tunnel("NocoDB", "the database node", self.port, self.server.reach)

    async def read(self, address: str) -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(address)).text


@pytest.fixture
def case(server: Sshd, tmp_path: Path) -> Iterator[Case]:
    with service(tmp_path / "pages") as port:
        yield Case(server, port, *deployment_in(tmp_path))


async def test_a_service_of_the_node_answers_on_the_loopback_of_this_machine(case: Case) -> None:
    async with anyio.create_task_group() as group:
        address = await group.start(hold, case.d, case.tunnel, case.server.key)
        assert case.notes.addresses == [address]
        assert await case.read(address) == GREETING
        assert address != f"http://127.0.0.1:{case.port}", "the service itself"
        assert on_loopback_alone(address)
        group.cancel_scope.cancel()


async def test_a_connection_that_breaks_is_made_again(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnels, "PAUSE", 0.1)

    async def opened_again() -> bool:
        return len(case.notes.addresses) == 2

    async with anyio.create_task_group() as group:
        await group.start(hold, case.d, case.tunnel, case.server.key)
        case.server.end()
        case.server.start()
        assert await until(opened_again, 30)
        assert await case.read(case.notes.addresses[1]) == GREETING
        group.cancel_scope.cancel()


async def test_a_node_that_is_gone_ends_the_tunnel_with_what_to_do(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnels, "PAUSE", 0.1)
    monkeypatch.setattr(tunnels, "AWAY_LIMIT", 0.5)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with anyio.create_task_group() as group:
            await group.start(hold, case.d, case.tunnel, case.server.key)
            case.server.end()
    [error] = caught.value.exceptions
    assert isinstance(error, ToolError)
    assert "the database node refuses SSH, or does not answer" in error.what
    assert "`quickdata status`" in error.fix
    assert "Connection refused" in error.tail


async def test_a_node_that_does_not_answer_at_first_is_not_waited_for(case: Case) -> None:
    case.server.end()
    with pytest.raises(ToolError, match="NocoDB cannot be reached"):
        await hold(case.d, case.tunnel, case.server.key)


async def test_another_machine_at_the_nodes_address_is_refused(case: Case, tmp_path: Path) -> None:
    of_another = (tmp_path / "key.pub").read_text()
    (tmp_path / FOLDER / "known_hosts").write_text(f"i-1 {of_another}")
    with pytest.raises(ToolError) as caught:
        await hold(case.d, case.tunnel, case.server.key)
    assert "Host key verification failed" in caught.value.tail


def test_a_port_that_is_in_use_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert choose_port(port) not in (0, port)
    assert choose_port(port) == port


PROGRAM = "import sys; from tests.servers import test_tunnel; test_tunnel.run_verb(*sys.argv[1:])"


def run_verb(folder: str, ssh_port: str, *ports: str) -> None:
    """Run the verb as a terminal does, on nodes that are this machine."""
    tunnels.NOCODB_PORT, tunnels.ADMINER_PORT = map(int, ports)  # type: ignore[misc, attr-defined]
    d, _ = deployment_in(Path(folder))
    reach = f"-p {ssh_port} -o HostKeyAlias=i-1"
    host = {"ansible_host": "127.0.0.1", "ansible_user": getpass.getuser(), "ansible_ssh_common_args": reach}
    call = OnDeployment(replace(d, hosts={"manager": host, "database": host}))

    async def read(_kind: object) -> SimpleNamespace:
        return SimpleNamespace(ssh_key=Path(folder, "key"))

    call.read = read  # type: ignore[method-assign, assignment]
    run_without_report(lambda _: verb("tunnel")(call), "tunnel")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_both_services_are_open_until_a_signal_ends_the_verb_well(
    server: Sshd, tmp_path: Path, number: signal.Signals
) -> None:
    with service(tmp_path / "pages") as nocodb, service(tmp_path / "pages") as adminer:
        words = (str(tmp_path), str(server.port), str(nocodb), str(adminer))
        command = [sys.executable, "-c", PROGRAM, *words]
        child = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
        assert child.stderr
        said = []
        while not said or "Ctrl-C closes the tunnels." not in said[-1]:
            said.append(child.stderr.readline())
            assert said[-1], said
        addresses = [word for line in said for word in line.split() if word.startswith("http://")]
        assert [httpx.get(each, trust_env=False).text for each in addresses] == [GREETING] * 2
        started = psutil.Process(child.pid).children(recursive=True)
        clients = [each for each in started if each.name() == "ssh"]
        assert len(clients) == 2
        child.send_signal(number)
        _, rest = child.communicate(timeout=30)
    assert (child.returncode, "Traceback" in rest) == (0, False), rest
    assert not [each for each in clients if each.is_running()]
