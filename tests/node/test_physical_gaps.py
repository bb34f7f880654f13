"""The moments that no recovery reaches, as the run of a physical backup notes them."""

from typing import Any

import pytest

from quickdata_node.physical import off
from quickdata_node.physical.backup import backup
from quickdata_node.physical.info import Info
from quickdata_node.physical.summary import Summary, key, read_summary
from quickdata_node.server import Server
from tests.support.backup_node import Node
from tests.unit.quickdata_node.physical import test_gaps


class Repository(test_gaps.Repository):
    """Stands for pgBackRest in a container: its newest backup is the one that a run takes."""

    def backup(self, kind: str) -> None: ...

    def expire(self, fulls: int) -> None: ...

    def check(self) -> None: ...

    def info(self) -> Info:
        return test_gaps.info()


@pytest.fixture
def server(node: Node, server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    node.create()
    monkeypatch.setattr(server.run, "hold_signals", lambda: None)  # they are the signals of this process
    return server


def take(node: Node, server: Server, known: Summary, repository: Repository) -> Summary:
    """Take a backup, and return the summary in the bucket."""
    backrest: Any = repository
    backup(server.run, server, backrest, "incr", known)
    return read_summary(node.read(key(node.database)), node.database)


def test_wal_that_is_missing_after_the_summary_was_lost_is_an_alarm(node: Node, server: Server) -> None:
    """The new summary says that a backup is due, and not that physical backups were off."""
    known = off.note_on(server.run, node.bucket, node.database)
    assert known.on_since
    [gap] = take(node, server, known, Repository(5)).new_gaps
    assert (gap.until, gap.reason) == (None, "WAL is missing")
