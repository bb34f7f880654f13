"""A node that fails: its disk, a kill at each stage, its lock, its clock; and objects that were changed."""

# ruff: noqa: F811 - fixtures are imported

import hashlib
import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pipeline.rehearsal.localstack import LocalStack
from tests.backup_fixtures import node, sample, stocked  # noqa: F401
from tests.backup_node import Node
from tests.backup_runs import finish, name_of, wait_for
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.faults import Before, Fault, Retried, cases, mounted
from tests.test_faults_postgres import DUMP, RESTORE

BACKUP = "backup-pg.sh"
STAGES = {
    "backup: the listing": (BACKUP, "list-type=2"),
    "backup: the upload": (BACKUP, "PUT .*dump"),
    "restore: the listing": (RESTORE, "list-type=2"),
    "restore: the manifest": (RESTORE, "GET .*manifest.json"),
    "restore: the roles": (RESTORE, "GET .*globals"),
    "restore: the dump": (RESTORE, "GET .*dump"),
}
POINTS = {  # of no return
    "backup: the manifest": (BACKUP, "PUT .*manifest.json"),
    "verify: the note that it is verified": (RESTORE, "PUT .*verified.json"),
}
QUICK = ("backup: the upload",)


@pytest.fixture(scope="module")
def proxy(localstack: LocalStack) -> Iterator[FaultProxy]:
    with fault_proxy(localstack.endpoint) as proxy:
        yield proxy


@pytest.fixture
def beyond(stocked: Node, proxy: FaultProxy) -> Node:
    """The stocked node, which reaches S3 through the proxy."""
    stocked.configure(AWS_ENDPOINT_URL=proxy.url)
    return stocked


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


# --- signals and kills, while a request waits for S3's answer ---

TERMINATED = tuple(
    Fault("SIGTERM", stage, "interrupted by SIGTERM; run it again", 143, how, stage in QUICK)
    for stage, how in STAGES.items()
)
KILLED = tuple(
    Retried(
        "SIGKILL of all its processes",
        stage,
        "nothing is published; the next run cleans up",
        how=how,
        quick=stage in QUICK,
    )
    for stage, how in {**STAGES, **POINTS}.items()
)


@pytest.mark.parametrize("case", cases(TERMINATED))
def test_a_run_that_is_terminated_leaves_nothing(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    script, request = case.how
    before = Before(beyond)
    verify = ["--verify"] if script == RESTORE else []
    with proxy.making("stall", request, times=1) as trouble:
        running = beyond.start(script, *verify)
        wait_for(lambda: trouble.met)
        os.kill(running.pid, signal.SIGTERM)
        proxy.let_go.set()
        done = finish(running)
    before.survives(done, case.says, case.code, script)


@pytest.mark.parametrize("case", cases(KILLED))
def test_after_a_kill_the_latest_backup_is_the_one_before(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    script, request = case.how
    before = Before(beyond)
    verify = ["--verify"] if script == RESTORE else []
    with proxy.making("stall", request, times=1) as trouble:
        running = beyond.start(script, *verify)
        wait_for(lambda: trouble.met)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        wait_for(lambda: not beyond.processes())
    assert before.manifests() == before.complete
    assert beyond.content() == before.content
    assert beyond.restore("--verify").json["id"] == beyond.manifest()["id"]
    assert beyond.leaves_nothing()


LATE = tuple(
    Retried("SIGTERM", stage, "the run ends well", how=how, quick=how[0] == BACKUP)
    for stage, how in POINTS.items()
)


@pytest.mark.parametrize("case", cases(LATE))
def test_a_signal_that_comes_with_the_last_word_does_not_make_it_a_lie(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    script, request = case.how
    verify = ["--verify"] if script == RESTORE else []
    with proxy.making("stall", request, times=1) as trouble:
        running = beyond.start(script, *verify)
        wait_for(lambda: trouble.met)
        os.kill(running.pid, signal.SIGTERM)
        proxy.let_go.set()
        done = finish(running)
    assert (done.code, done.json["id"]) == (0, beyond.manifest()["id"])
    assert beyond.leaves_nothing()


# --- locks ---

STALE = (Retried("a stale lock", "backup", "nobody holds it: the run ends well"),)


@pytest.mark.parametrize("case", cases(STALE))
def test_a_lock_that_nobody_holds_does_not_stop_a_backup(stocked: Node, case: Fault) -> None:
    (stocked.directory / "state" / "lock").write_text("backup-pg.sh, pid 1, since 2020-01-01T00:00:00Z\n")
    (stocked.directory / "state" / "run.old").mkdir()
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

SECONDS = (Retried("two backups in one second", "backup", "the later one is the latest"),)


@pytest.mark.parametrize("case", cases(SECONDS))
def test_of_two_backups_in_one_second_the_later_is_the_latest(stocked: Node, case: Fault) -> None:
    now = name_of(-timedelta(seconds=20), "ffffffff")  # the second in which it is taken, or a later one
    stocked.write(f"postgres/{stocked.database}/{now}/manifest.json", "{}")
    done = stocked.backup()
    assert stocked.backups()[-1].endswith(done.json["id"])
    assert stocked.backups()[-1][:16] > now[:16]


# --- objects that were changed ---

DAMAGED = (
    "postgres/{database}/{newest}/OBJECT is not what was uploaded, its SHA-256 differs; "
    "restore an older backup with --id, or bring back the object's earlier version"
)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def empty(_: bytes) -> bytes:
    return b""


CHANGED = tuple(
    Fault(
        f"the {file.split('.')[0]} is {what}", "restore", DAMAGED.replace("OBJECT", file), 4, (file, change)
    )
    for file in ("dump.zst", "globals.sql.zst")
    for what, change in (("cut off", cut), ("flipped in one bit", flip), ("empty", empty))
)


@pytest.mark.parametrize("case", cases(CHANGED))
def test_an_object_that_was_changed_is_not_restored(stocked: Node, case: Fault) -> None:
    file, change = case.how
    key = f"postgres/{stocked.database}/{stocked.backups()[-1]}/{file}"
    stocked.write(key, change(stocked.read(key)))
    before = Before(stocked)
    before.survives(stocked.restore(), case.says, case.code, RESTORE)


SWAPPED = (
    Fault("the dump is another database's", "restore", DAMAGED.replace("OBJECT", "dump.zst"), 4, False),
    Fault(
        "the dump is another database's, and the manifest has its SHA-256",
        "restore",
        "3 tables differ from the manifest of {newest}; "
        "restore another backup with --id; the live database was not touched",
        4,
        True,
    ),
)


@pytest.mark.parametrize("case", cases(SWAPPED))
def test_a_dump_of_another_database_is_not_restored(stocked: Node, case: Fault) -> None:
    newest, database = stocked.backups()[-1], stocked.database
    stocked.configure(DATABASE=f"{database}_b")
    stocked.create("create table theirs as select 1 as a")
    assert stocked.backup().code == 0
    other = stocked.read(stocked.manifest()["objects"]["dump"]["key"])
    stocked.server.psql(f"drop database {stocked.database}")
    stocked.configure(DATABASE=database)
    stocked.write(f"postgres/{database}/{newest}/dump.zst", other)
    if case.how:
        digest = hashlib.sha256(other).hexdigest()
        stocked.rewrite(lambda manifest: manifest["objects"]["dump"].update(sha256=digest))
    before = Before(stocked)
    before.survives(stocked.restore(), case.says, case.code, RESTORE)


WRONG = (
    Fault(
        "the manifest has no counts",
        "restore",
        "3 tables differ from the manifest of {newest}; "
        "restore another backup with --id; the live database was not touched",
        4,
        "tables",
        True,
    ),
    Fault(
        "the manifest lacks an object",
        "restore",
        "the manifest of {newest} lacks an object; restore another backup with --id",
        1,
        "globals",
    ),
    Fault(
        "the manifest has an object that nobody knows",
        "restore",
        "the manifest of {newest} describes its attachmants wrongly; restore another backup with --id",
        1,
        "attachmants",
    ),
    Fault(
        "the manifest names an object of another backup",
        "restore",
        "the manifest of {newest} describes its dump wrongly; restore another backup with --id",
        1,
        "key",
    ),
    Fault(
        "the manifest is empty",
        "restore",
        "the manifest of {newest} cannot be understood; restore another backup with --id",
        1,
        "",
    ),
)


@pytest.mark.parametrize("case", cases(WRONG))
def test_a_manifest_that_lacks_what_is_needed_is_refused(stocked: Node, case: Fault) -> None:
    manifest = stocked.manifest()
    key = f"postgres/{stocked.database}/{stocked.backups()[-1]}/manifest.json"
    match case.how:
        case "":
            stocked.write(key, "")
        case "tables":
            stocked.rewrite(lambda manifest: manifest.update(tables=[]))
        case "globals":
            stocked.rewrite(lambda manifest: manifest["objects"].pop("globals"))
        case "key":
            stocked.rewrite(
                lambda manifest: manifest["objects"]["dump"].update(key="postgres/other/dump.zst")
            )
        case unknown:
            stocked.rewrite(lambda m: m["objects"].update({unknown: manifest["objects"]["dump"]}))
    before = Before(stocked)
    before.survives(stocked.restore(), case.says, case.code, RESTORE)


QUOTED = (Retried("the manifest holds what ends an SQL literal", "restore", "it is text: the run ends well"),)


@pytest.mark.parametrize("case", cases(QUOTED))
def test_a_manifest_is_never_sql(stocked: Node, case: Fault) -> None:
    stocked.rewrite(lambda manifest: manifest.update(note="$q$::json; drop table customers; --"))
    assert stocked.restore("--verify").code == 0
