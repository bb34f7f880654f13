"""The first physical backup, which the bucket says is due; and a node without physical backups."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quickdata_node.physical.summary import Listed, Summary, key, read_summary
from tests.support.backup_node import Node
from tests.support.backup_runs import finish
from tests.support.fault_proxy import FaultProxy


def test_a_first_backup_that_fails_leaves_a_note_that_one_is_due(node: Node, tmp_path: Path) -> None:
    mark = tmp_path / "pitr"
    mark.touch()
    node.configure(PITR_MARK=str(mark))
    failed = finish(node.start("physical-backup.sh", "--if-none"))
    assert (failed.code, failed.out) == (2, "")
    assert "RECOVERY_ROLE is missing" in failed.log
    known = read_summary(node.read(key(node.database)), node.database)
    assert known.on_since and not known.backups
    finish(node.start("physical-backup.sh"))
    assert read_summary(node.read(key(node.database)), node.database) == known, "it is noted once"


@pytest.fixture
def marked(node: Node, tmp_path: Path) -> Node:
    """A node where physical backups are on. A backup ends before it needs pgBackRest: there are no keys."""
    (tmp_path / "pitr").touch()
    os.utime(tmp_path / "pitr", (0, 0))
    node.configure(PITR_MARK=str(tmp_path / "pitr"))
    return node


DAMAGED = [b'{"format": 1, "database": ', b'{"format": 7, "database": "app"}']


@pytest.mark.parametrize("damaged", DAMAGED, ids=["cut off", "of a newer version"])
def test_a_summary_that_cannot_be_used_ends_no_backup_and_is_kept(marked: Node, damaged: bytes) -> None:
    marked.write(key(marked.database), damaged)
    for _ in range(2):
        failed = finish(marked.start("physical-backup.sh"))
        assert "RECOVERY_ROLE is missing" in failed.log.splitlines()[-1], "it went on"
    folder = f"postgres/{marked.database}/"
    [kept, summary] = sorted(marked.objects(folder), reverse=True)
    assert kept.startswith(f"{folder}unreadable-physical-20") and marked.read(kept) == damaged
    known = read_summary(marked.read(summary), marked.database)
    assert known.on_since, "a backup is due, which fills it again"


def test_the_log_says_where_a_summary_is_kept_and_what_the_new_one_does_not_know(marked: Node) -> None:
    marked.write(key(marked.database), DAMAGED[0])
    said = finish(marked.start("physical-backup.sh")).log
    [kept] = [each for each in marked.objects() if "unreadable-" in each]
    assert f"cannot be understood; it is kept as s3://{marked.bucket}/{kept}" in said
    assert "a new one does not know the last drill: run quickdata drill --physical again" in said


def test_a_summary_that_cannot_be_kept_is_not_replaced(marked: Node, proxy: FaultProxy) -> None:
    marked.write(key(marked.database), DAMAGED[0])
    marked.configure(AWS_ENDPOINT_URL=proxy.url, PITR_MARK=str(marked.directory.parent / "pitr"))
    with proxy.making("403", "PUT .*unreadable-"):
        failed = finish(marked.start("physical-backup.sh"))
    assert (failed.code, failed.out) == (1, "")
    assert "the summary of the physical backups cannot be read or written" in marked.alert()
    assert marked.read(key(marked.database)) == DAMAGED[0]


def test_a_summary_that_cannot_be_used_is_an_alarm(marked: Node) -> None:
    marked.write(key(marked.database), DAMAGED[1])
    assert finish(marked.start("check-backup-age.sh")).code == 1
    assert "has another format; run physical-backup.sh, which keeps this summary" in marked.alert()


def test_where_physical_backups_are_off_a_summary_that_cannot_be_used_stays_and_is_named(node: Node) -> None:
    node.write(key(node.database), DAMAGED[0])
    done = finish(node.start("physical-backup.sh", "--if-none"))
    assert (done.code, done.json["label"]) == (0, None)
    said = done.json["warning"]
    assert said.startswith(f"it is not noted that physical backups are off: the summary s3://{node.bucket}/")
    assert said in done.log
    assert node.objects() == [key(node.database)] and node.read(key(node.database)) == DAMAGED[0]


def test_without_physical_backups_a_node_restores_a_logical_one_and_keeps_those_of_the_lost_database(
    node: Node,
) -> None:
    """The volume was lost, and the node cannot get the image: it was deployed with quickdata_pitr: false."""
    node.create()
    before = node.content()
    assert node.backup().code == 0
    lost = Listed("20261129-011700F", "full", datetime(2026, 11, 29, 1, 18, tzinfo=UTC), 1 << 20, 1 << 18)
    node.write(key(node.database), Summary(node.database, [lost]).text())
    node.sql("drop table customers")
    off = finish(node.start("physical-backup.sh", "--if-none"))
    assert (off.code, off.json) == (0, {"label": None}), off.log
    restored = node.restore()
    assert restored.code == 0, restored.log
    assert node.content() == before
    assert (finish(node.start("check-backup-age.sh")).code, node.alert()) == (0, "")
    known = read_summary(node.read(key(node.database)), node.database)
    assert known.off_since and known.backups == [lost]
