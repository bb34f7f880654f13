"""Tunnels: how SSH is called, and for which services."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.ansible.playbooks import FOLDER
from pipeline.deploy.tunnel import Tunnel, find_tunnels
from pipeline.errors import ToolError
from pipeline.machine.repository import REPOSITORY
from tests.support.recording import RecordingRunner, deployment

DATABASE = ("-o", "HostKeyAlias=i-2", "admin@198.51.100.2")
MANAGER = ("-o", "HostKeyAlias=i-1", "admin@198.51.100.1")


async def test_each_service_is_reached_on_its_own_node_as_ansible_reaches_it() -> None:
    found = await find_tunnels(deployment(RecordingRunner()))
    assert [(each.service, each.port, each.reach) for each in found] == [
        ("NocoDB", 8080, DATABASE),
        ("Adminer", 8081, MANAGER),
    ]


async def test_with_a_domain_nocodb_needs_no_tunnel() -> None:
    d = replace(deployment(RecordingRunner()), common={"nocodb_domain": "data.example.org"})
    assert [each.service for each in await find_tunnels(d)] == ["Adminer"]


async def test_without_nodes_the_error_says_what_to_do() -> None:
    runner = RecordingRunner({"app: outputs": (0, json.dumps({}))})
    with pytest.raises(ToolError, match="the app is not deployed") as caught:
        await find_tunnels(deployment(runner))
    assert "quickdata deploy" in caught.value.fix


def test_ssh_opens_the_port_on_the_loopback_alone_and_fails_where_it_cannot() -> None:
    step = Tunnel("NocoDB", "the database node", 8080, DATABASE).step(Path("/home/50%/key"), 18080)
    words = " ".join(step.command)
    assert "-L 127.0.0.1:18080:127.0.0.1:8080" in words
    assert "-i /home/50%%/key" in words, "ssh replaces %h and the like"
    assert "ExitOnForwardFailure=yes" in words
    assert step.command[-3:] == DATABASE


def test_ssh_trusts_the_hosts_that_ansible_trusts() -> None:
    step = Tunnel("NocoDB", "the database node", 8080, DATABASE).step(Path("key"), 8080)
    configured = (REPOSITORY / FOLDER / "ansible.cfg").read_text()
    assert step.workdir == FOLDER
    for option in ("UserKnownHostsFile=known_hosts", "StrictHostKeyChecking=accept-new"):
        assert option in step.command and option in configured
