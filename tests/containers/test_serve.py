"""The servers as containers start them: for other machines, on a fixed port, a password from outside.

Another address of the loopback stands for a container's: a test opens no door to the network.
"""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.machine.repository import REPOSITORY
from pipeline.servers.localstack import LocalStack, answers, sts_client
from pipeline.servers.postgres import USER, binaries
from pipeline.servers.process import free_port
from tests.support.listening import answering

DEADLINE = 180.0
HERE, NEIGHBOUR = "127.0.0.2", "127.0.0.3"
SERVE = """
import sys, anyio, pathlib
from pipeline.servers import __main__ as serve
serve.DIRECTORY, serve.ANYWHERE = pathlib.Path(sys.argv[1]), sys.argv[4]
anyio.run(serve.serve, sys.argv[2], int(sys.argv[3]))
"""


@contextmanager
def served(name: str, port: int, directory: Path) -> Iterator[subprocess.Popen[str]]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "PGPASSWORD": "from-outside"}
    command = [sys.executable, "-c", SERVE, str(directory), name, str(port), HERE]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(ready: bool, process: subprocess.Popen[str], deadline: float) -> bool:
    assert process.poll() is None, process.stderr and process.stderr.read()
    assert time.monotonic() < deadline
    return ready


def asked_for_a_password(port: int) -> bool:
    """Whether PostgreSQL asks a neighbour for a password, and neither turns it away nor lets it in.

    The protocol's start-up message, and its answer: AuthenticationSASL is "R", a length, and 10.
    """
    words = b"".join(f"{word}\0".encode() for word in ("user", USER, "database", "postgres", ""))
    with socket.create_connection((HERE, port), 30, (NEIGHBOUR, 0)) as connection:
        connection.sendall(struct.pack("!ii", len(words) + 8, 3 << 16) + words)
        with connection.makefile("rb") as answer:
            kind, _, method = struct.unpack("!cii", answer.read(9))
    return (kind, method) == (b"R", 10)


def test_postgresql_lets_other_machines_in_by_its_password_alone(tmp_path: Path) -> None:
    port, deadline = free_port(), time.monotonic() + DEADLINE
    where = ["-h", HERE, "-p", str(port), "-U", USER, "-d", "postgres"]
    connect = [str(binaries() / "psql"), "-XAt", *where, "-w"]

    def asked(password: str) -> subprocess.CompletedProcess[str]:
        env = {"PGPASSWORD": password, "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [*connect, "-c", "SELECT 1"], env=env, capture_output=True, text=True, check=False
        )

    with served("postgres", port, tmp_path) as process:
        while not until(asked("from-outside").stdout == "1\n", process, deadline):
            pass
        assert "password authentication failed" in asked("another").stderr
        assert asked_for_a_password(port)
        assert answering(port) == [HERE]
        os.kill(int((tmp_path / "postgres/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        assert process.wait(timeout=60) == 1
        said = process.stderr.read() if process.stderr else ""
        assert re.search("PostgreSQL ended (too early|while starting): killed by SIGKILL", said)


def test_localstack_answers_other_machines(tmp_path: Path) -> None:
    port, deadline = free_port(), time.monotonic() + DEADLINE
    sts = sts_client(LocalStack(f"http://{HERE}:{port}", "eu-west-3"))
    with served("localstack", port, tmp_path) as process:
        while not until(answers(sts), process, deadline):
            pass
        assert answering(port) == [HERE]
