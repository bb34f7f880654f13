"""A node that fails: its disk, its lock, its clock."""

import pytest

from tests.node.test_faults_postgres import DUMP
from tests.support.backup_node import Node
from tests.support.backup_runs import finish, wait_for
from tests.support.faults import Before, Fault, cases, mounted
from tests.support.mutation import BACKUP, RESTORE

# --- the disk ---

FILL = 'head -c 1M /dev/zero >"$TMPDIR/fill"'
ROOM = "no directory can be made in {state}; make room there, and make it writable by this user"
DISKS = (
    Fault(
        "the disk of the state directory is full", "backup: the start", ROOM, how=(BACKUP, "nr_inodes=1", "")
    ),
    Fault(
        "the disk of the state directory is full",
        "restore: the start",
        ROOM,
        how=(RESTORE, "nr_inodes=1", ""),
    ),
    Fault(
        "the disk of the state directory is full",
        "backup: the dump",
        DUMP,
        how=(BACKUP, "size=32k", f'[[ $1 == --version ]] || {FILL}; exec "$REAL" "$@"'),
    ),
    Fault(
        "the disk of the state directory is full",
        "backup: the manifest",
        "the manifest has no room in {state}, nothing was published; make room there",
        how=(BACKUP, "size=32k", f'[[ $1 != --version ]] || {FILL}; exec "$REAL" "$@"'),
    ),
    Fault("the state directory is read-only", "backup", ROOM, how=(BACKUP, "ro", "")),
    Fault("the state directory is read-only", "restore", ROOM, how=(RESTORE, "ro", "")),
)


@pytest.mark.parametrize("case", cases(DISKS))
def test_a_node_without_room_makes_nothing_by_halves(stocked: Node, case: Fault) -> None:
    script, options, dump = case.how
    stocked.configure(LOCK_FILE=str(stocked.directory / "lock"))
    if dump:
        stocked.replace("pg_dump", dump)
    with mounted(stocked.directory / "state", options):
        before = Before(stocked)
        before.survives(finish(stocked.start(script)), case.says, script=script)


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
