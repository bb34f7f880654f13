"""The servers as containers start them: for other machines, on a fixed port, a password from outside."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.postgres import USER, binaries
from pipeline.rehearsal.localstack import LocalStack, answers, asking
from pipeline.server import free_port

REPOSITORY = Path(__file__).parents[1]
DEADLINE = 180.0


def address() -> str:
    """Another address of this machine than the loopback, as a container's neighbours use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback")
        return str(probe.getsockname()[0])


@contextmanager
def served(name: str, port: int, directory: Path) -> Iterator[subprocess.Popen[str]]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "PGPASSWORD": "from-outside"}
    code = (
        "import sys, anyio, pathlib; from pipeline.rehearsal import serve\n"
        "serve.DIRECTORY = pathlib.Path(sys.argv[1]); anyio.run(serve.serve, sys.argv[2], int(sys.argv[3]))"
    )
    command = [sys.executable, "-c", code, str(directory), name, str(port)]
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


def test_postgresql_lets_other_machines_in_by_its_password_alone(tmp_path: Path) -> None:
    port, host, deadline = free_port(), address(), time.monotonic() + DEADLINE
    connect = [
        str(binaries() / "psql"),
        "-XAt",
        "-h",
        host,
        "-p",
        str(port),
        "-U",
        USER,
        "-d",
        "postgres",
        "-w",
    ]

    def asked(password: str) -> subprocess.CompletedProcess[str]:
        env = {"PGPASSWORD": password, "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [*connect, "-c", "SELECT 1"], env=env, capture_output=True, text=True, check=False
        )

    with served("postgres", port, tmp_path) as process:
        while not until(asked("from-outside").stdout == "1\n", process, deadline):
            pass
        assert "password authentication failed" in asked("another").stderr


def test_localstack_answers_other_machines(tmp_path: Path) -> None:
    port, deadline = free_port(), time.monotonic() + DEADLINE
    sts = asking(LocalStack(f"http://{address()}:{port}", "eu-west-3"))
    with served("localstack", port, tmp_path) as process:
        while not until(answers(sts), process, deadline):
            pass
