"""A drill into a container of the deployment's image: it has what its database needs. Needs Docker."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.backups.drill import in_words
from pipeline.backups.places import deployed_image, on_this_machine
from pipeline.errors import ServerLacks, ToolError
from pipeline.machine.repository import REPOSITORY
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.node.test_drill import KEYS, drilled
from tests.support.backup_node import Node
from tests.support.live import NODES, until
from tests.support.node_ends import remove

pytestmark = [NODES, pytest.mark.timeout(300)]
LOCALE = "en_US.utf8"

ON_ITS_OWN = """
import os, sys
from pathlib import Path
from pipeline.aws.account import Cloud
from pipeline.backups.drill import DrillRequest, drill
from pipeline.backups.places import on_this_machine
from pipeline.cli.run import run

region, endpoint, bucket, database, reports = sys.argv[1:]
keys = {name: os.environ[name.upper()] for name in ("aws_access_key_id", "aws_secret_access_key")}
run(lambda progress, report: drill(Cloud(keys, region, endpoint), bucket, DrillRequest(database), progress,
    report, on_this_machine()), "drill", "localstack", Path(reports))
"""


def containers() -> set[str]:
    """The containers of drills."""
    words = ["docker", "ps", "--all", "--quiet", "--filter", "name=^quickdata-drill-"]
    return set(subprocess.check_output(words, text=True).split())


def volumes() -> set[str]:
    return set(subprocess.check_output(["docker", "volume", "ls", "--quiet"], text=True).split())


@pytest.fixture
def node(tmp_path: Path, postgres: Postgres, localstack: LocalStack) -> Iterator[Node]:
    """A node whose newest backup is of a database with the deployment's locale, and needs it."""
    node = Node(tmp_path / "node", postgres, localstack)
    node.create()
    assert node.backup().code == 0
    node.forge_globals(lambda data: data["database"].update(collate=LOCALE, ctype=LOCALE))
    node.rewrite(lambda manifest: manifest.update(needs={"locales": [f"libc {LOCALE}"]}))
    yield node
    remove(node)


async def test_where_docker_answers_the_deployments_image_holds_what_the_pipelines_own_does_not(
    node: Node,
) -> None:
    before = volumes()
    figures = await drilled(node, place=on_this_machine())
    assert figures["server"] == f"a throwaway container of {deployed_image()}"
    assert (figures["mismatches"], figures["rows"], figures["stand_in_locale"]) == (0, 1000, "")
    assert "sorted by" not in in_words(figures)
    assert (containers(), volumes()) == (set(), before)


async def test_what_an_image_lacks_is_told_and_its_container_goes(node: Node) -> None:
    node.rewrite(lambda manifest: manifest.update(needs={"extensions": ["of_nobody"]}))
    with pytest.raises(ServerLacks, match=f"container of {deployed_image()} cannot hold .* of_nobody"):
        await drilled(node, place=on_this_machine(image=deployed_image()))
    assert containers() == set()


async def test_an_image_that_is_nowhere_is_told(node: Node) -> None:
    with pytest.raises(ToolError, match="Docker cannot get the image quickdata-of-nobody:0"):
        await drilled(node, place=on_this_machine(image="quickdata-of-nobody:0"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_drill_that_ends_halfway_leaves_no_container(
    node: Node, tmp_path: Path, number: signal.Signals
) -> None:
    words = (node.storage.region, node.storage.endpoint, node.bucket, node.database)
    command = [sys.executable, "-c", ON_ITS_OWN, *words, str(tmp_path / "reports")]
    place = tmp_path / "temporary"
    place.mkdir()
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(place)}
    env |= {"PYTHONPATH": str(REPOSITORY)} | {name.upper(): key for name, key in KEYS.items()}
    before = volumes()
    run = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until(lambda: run.poll() is not None or list(place.glob("*/state/run.*")))
    assert len(containers()) == 1
    run.send_signal(number)
    run.communicate(timeout=120)
    until(lambda: not containers() and volumes() == before)
