"""`quickdata rehearse --nodes docker`, as people type it: whole, and interrupted. Needs Docker."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from checkout import Checkout, make_checkout, until
from live import listed

from pipeline.rehearsal.nodes import LABEL

pytestmark = [pytest.mark.docker, pytest.mark.timeout(2400)]
LIMIT = 1800
"""Seconds that a rehearsal may take; it takes 300 where nothing else runs."""


def of_rehearsals() -> set[str]:
    """Return the containers, networks and volumes that rehearsals have, and those that nobody named."""
    label = f"--filter=label={LABEL}"
    return listed("ps", "--all", label) | listed("network", "ls", label) | listed("volume", "ls")


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """A copy below a name that is short enough for SSH's sockets."""
    with TemporaryDirectory() as directory:
        yield make_checkout(Path(directory))


def test_a_rehearsal_on_containers_proves_it_all_and_leaves_nothing_behind(checkout: Checkout) -> None:
    before, files = of_rehearsals(), checkout.files()
    run = checkout.start("rehearse", "--nodes", "docker")
    _, err = run.communicate(timeout=LIMIT)
    assert run.returncode == 0, err
    assert "nodes: docker" in err.splitlines()[0]
    report = checkout.report()
    proven = ["deploy and verify", "damage and restore", "Adminer", "second deploy", "drill", "app destroyed"]
    assert [name for name in proven if name not in report["proofs"]] == []
    assert report["proofs"]["second deploy"]["tasks"] == 0
    assert report["proofs"]["damage and restore"]["nocodb_away_seconds"] > 0
    assert (of_rehearsals(), checkout.left_behind(), checkout.files()) == (before, [], files)


@pytest.mark.parametrize("moment", ["ansible: swarm.yml", "ansible: nocodb.yml"])
def test_a_ctrl_c_leaves_no_container_network_volume_or_process(checkout: Checkout, moment: str) -> None:
    before = of_rehearsals()
    run = checkout.start("rehearse", "--nodes", "docker")
    until(run, lambda line: moment in line)
    assert of_rehearsals() > before
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=600)
    assert run.returncode == 130, err
    assert "interrupted by SIGINT" in err
    assert "Traceback" not in err
    assert checkout.report()["error"]["exit_code"] == 130
    assert (of_rehearsals(), checkout.left_behind()) == (before, [])
