"""`quickdata rehearse --nodes docker`, as people type it: whole, and interrupted. Needs Docker."""

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipeline.rehearsal.docker_nodes import LABEL
from tests.support.checkout import Checkout, make_checkout, until
from tests.support.live import NODES, listed, volumes_of

pytestmark = [NODES, pytest.mark.timeout(2400)]
LIMIT = 1800
"""Seconds that a rehearsal may take; it takes 300 where nothing else runs."""


@dataclass
class Things:
    """What Docker has of one rehearsal: its containers, its network, their volumes."""

    label: str
    volumes: set[str]

    def left(self) -> set[str]:
        found = listed("ps", "--all", self.label) | listed("network", "ls", self.label)
        return found | (self.volumes & listed("volume", "ls"))


def things(said: str) -> Things:
    """Return what the run has that has said its nodes' names."""
    (run,) = set(re.findall(r"quickdata-[0-9a-f]{8}(?=-manager)", said))
    label = f"--filter=label={LABEL}={run}"
    found = Things(label, volumes_of(label))
    assert len(found.left()) == 5, "two containers, a volume each, and a network"
    return found


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """A copy below a name that is short enough for SSH's sockets."""
    with TemporaryDirectory() as directory:
        yield make_checkout(Path(directory))


def test_a_rehearsal_on_containers_proves_it_all_and_leaves_nothing_behind(checkout: Checkout) -> None:
    files = checkout.files()
    run = checkout.start("rehearse", "--nodes", "docker")
    begun = until(run, lambda line: "ansible: swarm.yml" in line)
    has = things(begun)
    _, err = run.communicate(timeout=LIMIT)
    assert run.returncode == 0, begun + err
    assert "nodes: docker" in begun.splitlines()[0]
    report = checkout.report()
    proven = [
        "deploy and verify",
        "first physical backup",
        "damage and restore",
        "recovery",
        "second recovery",
        "Adminer",
        "second deploy",
        "physical drill",
        "drill",
        "app destroyed",
    ]
    assert [name for name in proven if name not in report["proofs"]] == []
    assert set(report["proofs"]["second deploy"]["tasks"].values()) == {0}
    assert report["proofs"]["damage and restore"]["nocodb_away_seconds"] > 0
    assert (has.left(), checkout.left_behind(), checkout.files()) == (set(), [], files)


def test_a_ctrl_c_leaves_no_container_network_volume_or_process(checkout: Checkout) -> None:
    run = checkout.start("rehearse", "--nodes", "docker")
    has = things(until(run, lambda line: "ansible: nocodb.yml" in line))
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=600)
    assert run.returncode == 130, err
    assert "interrupted by SIGINT" in err
    assert "Traceback" not in err
    assert checkout.report()["error"]["exit_code"] == 130
    assert (has.left(), checkout.left_behind()) == (set(), [])
