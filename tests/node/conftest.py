"""Nodes for the tests of the node's program: empty, with a database and its backup, or with roles."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from pipeline.servers import postgres as embedded
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from quickdata_node.config import load
from quickdata_node.run import Run
from quickdata_node.server import Server, find_server
from tests.support.backup_node import Node
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.listener import Listener, listening
from tests.support.node_ends import MARK, remove

BROKEN = """
create table parent (id int primary key); create table child (p int references parent);
set session_replication_role = replica; insert into child values (7); set session_replication_role = origin;
create table twice (n int); create unique index twice_n on twice (n);
update pg_index set indisunique = false where indexrelid = 'twice_n'::regclass;
insert into twice values (1), (1);
update pg_index set indisunique = true where indexrelid = 'twice_n'::regclass;
create function worked() returns int language plpgsql as $$begin return 1; end$$;
create materialized view computed as select worked() as n;
create or replace function worked() returns int language plpgsql as $$begin raise 'no more'; end$$;
create index child_p on child (p);
"""
"""An orphan, duplicates under a unique index (a collation that moved leaves them), a view that fails now."""


@pytest.fixture
def node(tmp_path: Path, postgres: Postgres, localstack: LocalStack) -> Iterator[Node]:
    node = Node(tmp_path / "node", postgres, localstack)
    yield node
    remove(node)


@pytest.fixture
def server(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The node's server, for a part of the program that the test calls itself."""
    monkeypatch.setattr(os, "environ", os.environ.copy())  # the program sets its own
    run = Run("physical-backup.sh")
    yield find_server(run, load(run, node.config))
    run.finish(0, "")


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


@pytest.fixture(scope="module")
def proxy(localstack: LocalStack) -> Iterator[FaultProxy]:
    with fault_proxy(localstack.endpoint) as proxy:
        yield proxy


@pytest.fixture
def beyond(stocked: Node, proxy: FaultProxy) -> Node:
    """The stocked node, which reaches S3 through the proxy."""
    stocked.configure(AWS_ENDPOINT_URL=proxy.url)
    return stocked


@pytest.fixture
def owner(node: Node) -> str:
    """The owner of the node's database, who is nobody else."""
    name = f"owner_{node.token}"
    node.create()
    node.sql(f"create role {name}; alter database {node.database} owner to {name}")
    return name


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def told(stocked: Node, listener: Listener) -> Node:
    """A node that tells the listener, and whose programs write down what they can read."""
    stocked.configure(NOTIFY=listener.notify(), PING_URL=listener.ping())
    for program in ("pg_dump", "psql"):
        stocked.replace(program, f'env >>{stocked.directory}/seen; exec "$REAL" "$@"')
    stocked.replace("alert", f'env >>{stocked.directory}/seen; printf "%s\\n" "$1" >>{stocked.alerts}')
    return stocked


FEW_LOCKS = "max_locks_per_transaction = 10\n"


@pytest.fixture(scope="module")
def few_locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server that has room for some 1,370 locks, and as many more as its slack of memory allows."""
    initialise, directory = embedded._initialise, tmp_path_factory.mktemp("few-locks")

    async def initialise_small(server: Postgres, data: Path) -> None:
        await initialise(server, data)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(FEW_LOCKS)

    with pytest.MonkeyPatch.context() as patch, start_blocking_portal() as portal:
        patch.setattr(embedded, "_initialise", initialise_small)
        with portal.wrap_async_context_manager(embedded.postgres(directory)) as server:
            yield server


@pytest.fixture
def superuser(node: Node) -> str:
    """A superuser that only the program signs in as."""
    name = f"program_{node.token}"
    node.server.psql(f"create role {name} superuser login password 'x'")
    passwords = node.directory / "program"
    passwords.touch(0o600)
    passwords.write_text("*:*:*:*:x\n")
    node.configure(PGUSER=name, PGPASSFILE=str(passwords))
    return name


@pytest.fixture
def broken(node: Node) -> Node:
    """A node whose newest backup has rows that no restore can build everything on."""
    node.create(BROKEN)
    assert node.backup().code == 0
    return node
