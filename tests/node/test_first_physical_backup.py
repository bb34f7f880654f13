"""The first physical backup: the bucket says that it is due, also when it fails."""

from pathlib import Path

from quickdata_node.physical.summary import key, read_summary
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
