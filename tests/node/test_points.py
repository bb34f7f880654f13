"""Proof points of a live database: nobody waits long for one."""

import subprocess
import time

import pytest

from quickdata_node.physical import points
from quickdata_node.server import Server, ServerFailed
from tests.support.backup_node import Node
from tests.support.backup_runs import wait_for

pytestmark = pytest.mark.timeout(90)
NAME = "quickdata_20261130T050029Z_9ff35af2"
WAITS = "select count(*) from pg_locks where not granted and mode = 'AccessExclusiveLock'"


@pytest.fixture
def server(node: Node, server: Server) -> Server:
    node.create()
    return server


def queue(node: Node, monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Let a session that wants a table for itself queue right behind the locks of the point."""
    held, queued = points._held, list[subprocess.Popen[bytes]]()

    def held_and_queued(holding: points.Session) -> dict[str, object]:
        facts = held(holding)
        words = [str(node.server.bin / "psql"), "-Xqc", "alter table notes add more int", node.database]
        queued.append(subprocess.Popen(words, env=node.server.environment))
        wait_for(lambda: node.sql(WAITS) == "1")
        return facts

    monkeypatch.setattr(points, "_held", held_and_queued)
    return queued


def test_a_session_that_queues_for_a_table_gets_it_and_writers_go_on(
    node: Node, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued, began = queue(node, monkeypatch), time.monotonic()
    with pytest.raises(ServerFailed):
        points._try(server, node.database, NAME)
    assert queued[0].wait(5) == 0, "the locks of the failed try are gone"
    node.sql("set lock_timeout = '1s'; insert into customers values (501, 'meanwhile')")
    assert time.monotonic() - began < 10


def test_a_program_that_hangs_between_the_two_keeps_writers_out_for_some_seconds(
    node: Node, server: Server
) -> None:
    holding = points.Session(server, node.database, "-v", f"point={NAME}")
    holding.ask(points.HOLD + points.END)
    holding.answer()
    node.sql("set lock_timeout = '7s'; insert into customers values (501, 'meanwhile')")


def test_a_point_counts_the_rows_of_its_moment(node: Node, server: Server) -> None:
    made = points.make(server, node.database)
    assert sorted((each.name, each.rows) for each in made.tables if each.kind == "table") == [
        ("customers", 500),
        ("notes", 500),
    ]
