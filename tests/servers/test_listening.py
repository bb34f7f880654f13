"""No server of a rehearsal, a drill or a test is an open door: each listens on the loopback alone."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from pipeline.servers.localstack import SERVER, LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.servers.process import free_port
from tests.support.fault_proxy import fault_proxy
from tests.support.gitlab_server import gitlab_server
from tests.support.listening import on_loopback_alone, open_to_others
from tests.support.recording_proxy import recording_proxy
from tests.support.stopped_proxy import stopped_proxy

CHANGED = """
import runpy, socket, sys
from localstack.runtime import main
main.main = lambda: socket.socket().bind(("", 0))
runpy.run_path(sys.argv[1])
"""
"""A LocalStack that binds in another way than the one that is pinned."""


def test_what_listens_on_another_address_too_is_seen() -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(socket.socket()) for _ in range(2))
        port = free_port()
        for each, address in ((first, "127.0.0.1"), (second, "127.0.0.2")):
            each.bind((address, port))
            each.listen()
        assert not on_loopback_alone(port)
        assert open_to_others() == {("127.0.0.2", port)}
        second.close()
        assert on_loopback_alone(port)
    assert not on_loopback_alone(port)


def test_localstack_and_postgresql_listen_on_the_loopback_alone(
    localstack: LocalStack, postgres: Postgres
) -> None:
    assert on_loopback_alone(localstack.endpoint)
    assert on_loopback_alone(postgres.port)
    assert not open_to_others()


def test_a_localstack_that_would_listen_elsewhere_is_ended(tmp_path: Path) -> None:
    env = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "GATEWAY_LISTEN": f"127.0.0.1:{free_port()}",
    }
    command = [sys.executable, "-P", "-c", CHANGED, str(SERVER)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "LocalStack binds to ('', 0); it may listen on 127.0.0.1 only" in done.stderr


def test_the_servers_of_the_tests_listen_on_the_loopback_alone() -> None:
    nowhere = "http://127.0.0.1:1"
    with gitlab_server() as gitlab, fault_proxy(nowhere) as faults, recording_proxy({}) as recording:
        assert all(on_loopback_alone(each.url) for each in (gitlab, faults, recording))
        with stopped_proxy(nowhere) as url:
            assert on_loopback_alone(url)
            assert not open_to_others()
