"""The moments that no recovery reaches, as the run of a physical backup notes them."""

from contextlib import suppress
from typing import Any

import pytest

from quickdata_node.physical import off
from quickdata_node.physical.backup import backup
from quickdata_node.physical.info import Info
from quickdata_node.physical.summary import Listed, Summary, key, read_summary
from quickdata_node.physical.timelines import segment_name
from quickdata_node.run import Failed
from quickdata_node.server import Server
from tests.support.backup_node import Node
from tests.unit.quickdata_node.physical import test_gaps

FIRST = Listed(test_gaps.FULL, "full", test_gaps.ENDED, 1, 1)
ON = test_gaps.when(test_gaps.FIRST_BACKUP + 2000)
"""When physical backups were turned on again: segment 4 is missing since before, and until after."""


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
    """Take a backup, which the repository may let fail, and return the summary in the bucket."""
    backrest: Any = repository
    with suppress(Failed):
        backup(server.run, server, backrest, "incr", known)
    return read_summary(node.read(key(node.database)), node.database)


def test_wal_that_is_missing_after_the_summary_was_lost_is_an_alarm(node: Node, server: Server) -> None:
    """The new summary says that a backup is due, and not that physical backups were off."""
    known = off.note_on(server.run, node.bucket, node.database)
    assert known.on_since
    [gap] = take(node, server, known, Repository(5)).new_gaps
    assert (gap.until, gap.reason) == (None, "WAL is missing")


@pytest.mark.parametrize("step", ["check", "expire", "command"])
def test_a_backup_that_fails_at_its_end_does_not_forget_that_physical_backups_were_off(
    node: Node, server: Server, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """No proof point for the locks of others, a repository that cannot be listed: the next run goes on."""

    def fail(*_: object) -> None:
        raise Failed(f"pgBackRest's {step} ended with exit code 103", "see above")

    known = Summary(node.database, [FIRST], on_since=ON)
    with monkeypatch.context() as broken:
        broken.setattr(Repository, step, fail)
        failed = take(node, server, known, Repository(4))
    assert (failed.point, len(failed.backups)) == (None, 2), "the backup is listed"
    done = take(node, server, failed, Repository(4))
    assert [each.off for each in done.gaps] == [True] and done.new_gaps == []
    assert done.point and done.on_since is None


def test_a_gap_is_an_alarm_also_when_no_proof_point_can_be_made(
    node: Node, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Repository) -> None:
        raise Failed("WAL does not reach the bucket", "see above")

    monkeypatch.setattr(Repository, "check", fail)
    [gap] = take(node, server, Summary(node.database, [FIRST]), Repository(4)).new_gaps
    assert gap.first_wal == segment_name(1, 4)
