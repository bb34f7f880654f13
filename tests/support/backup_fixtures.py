"""Nodes for the tests of the backup scripts: empty, with a database and its backup, or with roles."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.support.backup_node import Node
from tests.support.backup_runs import identifier

MARK = ".quickdata-mark"
"""The file that a run leaves in a folder of its own."""


@pytest.fixture
def node(tmp_path: Path, postgres: Postgres, localstack: LocalStack) -> Iterator[Node]:
    node = Node(tmp_path / "node", postgres, localstack)
    yield node
    removed(node)


def removed(node: Node) -> None:
    """End what a node still runs, and drop what it has on the server."""
    for process in node.processes():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for name in node.databases():
        node.server.psql(f"drop database {identifier(name)} with (force)")
    drop = "format('drop owned by %I', rolname), format('drop role %I', rolname)"
    node.server.psql(f"select {drop} from pg_roles where rolname ~ '{node.token}' \\gexec")


@pytest.fixture(scope="session")
def sample(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, localstack: LocalStack
) -> tuple[dict[str, bytes], str]:
    """The objects of one real backup of SAMPLE, and the name of its database."""
    node = Node(tmp_path_factory.mktemp("sample") / "node", postgres, localstack)
    node.create()
    assert node.backup().code == 0
    return {key: node.read(key) for key in node.objects()}, node.database


@pytest.fixture
def stocked(node: Node, sample: tuple[dict[str, bytes], str]) -> Node:
    """A node with the sample database, live and with one backup."""
    node.create()
    node.plant(*sample)
    return node


@pytest.fixture
def uploads(node: Node) -> Path:
    """NocoDB's uploads, on a node with a backup of them and of the database, which have changed since."""
    uploads = node.directory / "uploads"
    for file in ("uploads/old", "uploads.before_00000000/older", "uploads.before_me/mine"):
        (node.directory / file).parent.mkdir()
        (node.directory / file).touch()
    left = node.directory / "uploads.before_00000000"
    (left / MARK).write_text(f"{left.name}\n")
    node.create()
    node.configure(ATTACHMENTS_DIR=str(uploads))
    assert node.backup().code == 0
    (uploads / "new").touch()
    node.sql("delete from customers")
    return uploads


@pytest.fixture
def roles(node: Node) -> tuple[Node, str, str]:
    """A node with a backup, a role that owns a table there, and one that may read it."""
    owner, reader = f"owner {node.database}", f"reader_{node.database}"
    node.create()
    node.sql(
        f"create role \"{owner}\" login password 'old' connection limit 5; create role {reader} nologin;"
        f'alter table notes owner to "{owner}"; grant select on notes to {reader};'
        f'grant {reader} to "{owner}"'
    )
    assert node.backup().code == 0
    node.sql(f'drop owned by "{owner}", {reader}')
    return node, owner, reader
