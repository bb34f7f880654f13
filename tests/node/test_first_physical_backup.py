"""The first physical backup, which the bucket says is due; and a node without physical backups."""

from datetime import UTC, datetime
from pathlib import Path

from quickdata_node.physical.summary import Listed, Summary, key, read_summary
from tests.support.backup_node import Node
from tests.support.backup_runs import finish


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
