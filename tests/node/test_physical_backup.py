"""The run of a physical backup: whether it takes one, and the gaps that it notes."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from quickdata_node.options import Options
from quickdata_node.physical import archive, off
from quickdata_node.physical.backup import backup, take
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


def done(node: Node, server: Server, known: Summary, repository: Repository) -> Summary:
    """Take a backup, which the repository may let fail, and return the summary in the bucket."""
    backrest: Any = repository
    with suppress(Failed):
        backup(server.run, server, backrest, "incr", known)
    return read_summary(node.read(key(node.database)), node.database)


def test_wal_that_is_missing_after_the_summary_was_lost_is_an_alarm(node: Node, server: Server) -> None:
    """The new summary says that a backup is due, and not that physical backups were off."""
    known = off.note_on(server.run, node.bucket, node.database)
    assert known.on_since
    [gap] = done(node, server, known, Repository(5)).new_gaps
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
        failed = done(node, server, known, Repository(4))
    assert (failed.point, len(failed.backups)) == (None, 2), "the backup is listed"
    again = done(node, server, failed, Repository(4))
    assert [each.off for each in again.gaps] == [True] and again.new_gaps == []
    assert again.point and again.on_since is None


def test_a_gap_is_an_alarm_also_when_no_proof_point_can_be_made(
    node: Node, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Repository) -> None:
        raise Failed("WAL does not reach the bucket", "see above")

    monkeypatch.setattr(Repository, "check", fail)
    [gap] = done(node, server, Summary(node.database, [FIRST]), Repository(4)).new_gaps
    assert gap.first_wal == segment_name(1, 4)


@pytest.fixture
def segment(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file, but for its ending, in which the server notes the state of its present WAL segment."""
    monkeypatch.setattr(archive, "PATIENCE", 0)
    name = server.sql(server.maintenance, archive.CURRENT).strip()
    data = server.sql(server.maintenance, "show data_directory").strip()
    yield Path(data, "pg_wal/archive_status", name)
    for ending in ("ready", "done"):
        Path(data, "pg_wal/archive_status", f"{name}.{ending}").unlink(missing_ok=True)


def asked(server: Server, known: Summary, if_none: bool = True) -> None:
    """Take a backup as a deployment asks for it, or a schedule."""
    backrest: Any = Repository()
    take(server.run, server, backrest, Options("", if_none=if_none, type="incr"), known)


def test_no_backup_is_taken_of_a_server_whose_wal_the_bucket_refuses_whatever_the_summary_says(
    node: Node, server: Server, segment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are on; they were off before the volume was made from a snapshot; the summary was lost."""
    monkeypatch.setattr(Repository, "check", lambda _: segment.with_suffix(".ready").touch())
    for backups, on in ([FIRST], None), ([FIRST], ON), ([], ON):
        for if_none in True, False:
            with pytest.raises(Failed, match="has not noted its own as archived"):
                asked(server, Summary(node.database, backups, on_since=on), if_none)
    assert node.objects() == [], "nothing is listed"


@pytest.mark.parametrize(("point", "on_since"), [("made-before", ON), (None, None)], ids=["off", "no point"])
def test_a_deployment_takes_a_backup_only_where_they_were_off_before_or_no_moment_is_proven(
    node: Node,
    server: Server,
    segment: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str | None,
    on_since: datetime | None,
) -> None:
    monkeypatch.setattr(Repository, "check", lambda _: segment.with_suffix(".done").touch())
    asked(server, Summary(node.database, [FIRST], point="made-before"))
    assert node.objects() == []
    asked(server, Summary(node.database, [FIRST], point=point, on_since=on_since))
    known = read_summary(node.read(key(node.database)), node.database)
    assert known.point not in (None, "made-before") and known.on_since is None
