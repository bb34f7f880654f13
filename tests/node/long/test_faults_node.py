"""A node that lacks something, whose lock nobody holds, and whose clock is odd."""

from datetime import timedelta

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import name_of
from tests.support.faults import Fault, Retried, cases
from tests.support.node_ends import MARK

GONE = (Retried("the state directory is gone", "backup", "it is created again: the run ends well"),)


@pytest.mark.parametrize("case", cases(GONE))
def test_a_state_directory_that_is_gone_is_made_anew(stocked: Node, case: Fault) -> None:
    stocked.configure(LOCK_FILE=str(stocked.directory / "lock"))
    (stocked.directory / "state").rmdir()
    assert stocked.backup().code == 0
    assert stocked.leaves_nothing()


STALE = (Retried("a stale lock", "backup", "nobody holds it: the run ends well"),)


@pytest.mark.parametrize("case", cases(STALE))
def test_a_lock_that_nobody_holds_does_not_stop_a_backup(stocked: Node, case: Fault) -> None:
    (stocked.directory / "state" / "lock").write_text("backup-pg.sh, pid 1, since 2020-01-01T00:00:00Z\n")
    left = stocked.directory / "state" / "run.0123abcd"
    left.mkdir()
    (left / MARK).write_text("run.0123abcd\n")
    assert stocked.backup().code == 0
    assert stocked.leaves_nothing()


# --- the clock ---

SECONDS = (
    Retried("there is a backup of the same second, or a later one", "backup", "the new one is the latest"),
)


@pytest.mark.parametrize("case", cases(SECONDS))
def test_of_two_backups_in_one_second_the_later_is_the_latest(stocked: Node, case: Fault) -> None:
    now = name_of(-timedelta(seconds=20), "ffffffff")  # the second in which it is taken, or a later one
    stocked.write(f"postgres/{stocked.database}/{now}/manifest.json", "{}")
    done = stocked.backup()
    assert stocked.backups()[-1].endswith(done.json["id"])
    assert stocked.backups()[-1][:16] > now[:16]
