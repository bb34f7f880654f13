"""A prepared transaction keeps its database from being renamed: that is told before anything is restored."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from pipeline.servers import postgres as embedded
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.support.backup_node import Node
from tests.support.faults import Before, Fault, cases
from tests.support.mutation import RESTORE
from tests.support.node_ends import remove

PREPARED = (
    Fault(
        "a prepared transaction in the live database",
        "restore: the start",
        "the database {database} has prepared transactions, the oldest is 'moving' from TIME, so it cannot be"
        " renamed; in psql, in that database: commit prepared 'NAME', or rollback prepared 'NAME'",
    ),
)


@pytest.fixture
def preparing(tmp_path: Path) -> Iterator[Postgres]:
    """A server that takes prepared transactions."""
    initialise = embedded._initialise

    async def allow(server: Postgres, data: Path) -> None:
        await initialise(server, data)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write("max_prepared_transactions = 5\n")

    with pytest.MonkeyPatch.context() as patch, start_blocking_portal() as portal:
        patch.setattr(embedded, "_initialise", allow)
        with portal.wrap_async_context_manager(embedded.postgres(tmp_path / "preparing")) as server:
            yield server


@pytest.mark.parametrize("case", cases(PREPARED))
def test_a_prepared_transaction_is_told_before_anything_is_restored(
    tmp_path: Path,
    preparing: Postgres,
    localstack: LocalStack,
    sample: tuple[dict[str, bytes], str],
    case: Fault,
) -> None:
    node = Node(tmp_path / "node", preparing, localstack)
    node.create()
    node.plant(*sample)
    node.sql("begin; delete from customers; prepare transaction 'moving'")
    since = node.server.psql("select prepared::timestamptz(0) at time zone 'UTC' from pg_prepared_xacts")
    before = Before(node)
    before.survives(node.restore(), case.says.replace("TIME", f"{since}+00"), script=RESTORE)
    assert node.restore("--verify").code == 0, "which renames nothing"
    node.sql("rollback prepared 'moving'")
    assert node.restore().code == 0
    remove(node)
