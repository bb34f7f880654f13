"""A node that fails: its disk, its lock, its clock."""

from datetime import timedelta

import pytest

from tests.node.test_faults_postgres import DUMP
from tests.support.backup_node import Node
from tests.support.backup_runs import finish, name_of, wait_for
from tests.support.faults import Before, Fault, Retried, cases, mounted
from tests.support.mutation import BACKUP, RESTORE
from tests.support.node_ends import MARK

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
        quick=True,
    ),
    Fault(
        "the disk of the state directory is full",
        "backup: the manifest",
        "the manifest has no room in {state}, nothing was published; make room there",
        how=(BACKUP, "size=32k", f'[[ $1 != --version ]] || {FILL}; exec "$REAL" "$@"'),
    ),
    Fault("the state directory is read-only", "backup", ROOM, how=(BACKUP, "ro", ""), quick=True),
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


GONE = (Retried("the state directory is gone", "backup", "made anew: the run ends well"),)


@pytest.mark.parametrize("case", cases(GONE))
def test_a_state_directory_that_is_gone_is_made_anew(stocked: Node, case: Fault) -> None:
    stocked.configure(LOCK_FILE=str(stocked.directory / "lock"))
    (stocked.directory / "state").rmdir()
    assert stocked.backup().code == 0
    assert stocked.leaves_nothing()


CODEC = (Fault("zstd is not installed", "restore", "the dump is compressed with zstd; install zstd"),)


@pytest.mark.parametrize("case", cases(CODEC))
def test_a_backup_that_nothing_here_unpacks_is_refused(stocked: Node, case: Fault) -> None:
    stocked.hide("zst")
    before = Before(stocked)
    before.survives(stocked.restore(), case.says, script=RESTORE)


# --- locks ---

STALE = (Retried("a stale lock", "backup", "nobody holds it: the run ends well"),)


@pytest.mark.parametrize("case", cases(STALE))
def test_a_lock_that_nobody_holds_does_not_stop_a_backup(stocked: Node, case: Fault) -> None:
    (stocked.directory / "state" / "lock").write_text("backup-pg.sh, pid 1, since 2020-01-01T00:00:00Z\n")
    left = stocked.directory / "state" / "run.0123abcd"
    left.mkdir()
    (left / MARK).write_text("run.0123abcd\n")
    assert stocked.backup().code == 0
    assert stocked.leaves_nothing()


BUSY = (Fault("a backup runs", "restore", "another run holds {state}/lock", quick=True),)


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


# --- the clock ---

SECONDS = (Retried("there is one of the same second, or a later one", "backup", "the new one is the latest"),)


@pytest.mark.parametrize("case", cases(SECONDS))
def test_of_two_backups_in_one_second_the_later_is_the_latest(stocked: Node, case: Fault) -> None:
    now = name_of(-timedelta(seconds=20), "ffffffff")  # the second in which it is taken, or a later one
    stocked.write(f"postgres/{stocked.database}/{now}/manifest.json", "{}")
    done = stocked.backup()
    assert stocked.backups()[-1].endswith(done.json["id"])
    assert stocked.backups()[-1][:16] > now[:16]
