"""A node that fails: its disk, its lock, its clock."""

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import finish, wait_for
from tests.support.faults import Before, Fault, Retried, cases, mounted
from tests.support.mutation import BACKUP, RESTORE

# --- the disk ---

FULL = "the disk of the state directory is full"
ROOM = "no directory can be made in {state}; make room there, and make it writable by this user"
DISKS = (
    Fault(FULL, "backup: the start", ROOM, how=(BACKUP, "nr_inodes=1")),
    Fault(
        "the disk of the state directory is full", "restore: the start", ROOM, how=(RESTORE, "nr_inodes=1")
    ),
    Fault("the state directory is read-only", "backup", ROOM, how=(BACKUP, "ro")),
    Fault("the state directory is read-only", "restore", ROOM, how=(RESTORE, "ro")),
)


@pytest.mark.parametrize("case", cases(DISKS))
def test_a_node_without_room_makes_nothing_by_halves(stocked: Node, case: Fault) -> None:
    script, options = case.how
    stocked.configure(LOCK_FILE=str(stocked.directory / "lock"))
    with mounted(stocked.directory / "state", options):
        before = Before(stocked)
        before.survives(finish(stocked.start(script)), case.says, script=script)


FILLED = (
    Retried(
        FULL,
        "backup: the dump",
        "the run ends well: no part of a backup is on the node's disk",
    ),
)


@pytest.mark.parametrize("case", cases(FILLED))
def test_a_disk_that_is_filled_meanwhile_does_not_matter(stocked: Node, case: Fault) -> None:
    stocked.configure(LOCK_FILE=str(stocked.directory / "lock"))
    stocked.replace("pg_dump", 'head -c 1M /dev/zero >"$TMPDIR/fill"; exec "$REAL" "$@"')
    with mounted(stocked.directory / "state", "size=32k"):
        assert stocked.backup().code == 0
        assert stocked.leaves_nothing()


# --- locks ---

BUSY = (Fault("a backup runs", "restore", "another run holds {state}/lock"),)


@pytest.mark.parametrize("case", cases(BUSY))
def test_a_restore_during_a_backup_is_refused(stocked: Node, case: Fault) -> None:
    before = Before(stocked)
    with stocked.locked():
        running = stocked.start(BACKUP)
        wait_for(stocked.waits_for_a_lock)
        refused = finish(stocked.start(RESTORE))
        said = stocked.alert()
    assert refused.code == 1
    assert case.says.format(state=stocked.directory / "state") in said
    assert "; wait until it has ended" in said
    assert finish(running).code == 0
    assert stocked.content() == before.content
