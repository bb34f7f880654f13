"""PostgreSQL and its clients that fail at more moments, and in other versions."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from pipeline.servers import postgres as embedded
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.node.test_faults_postgres import COUNT, DUMP, NOT_RESTORED, RESTORE, answers
from tests.support.backup_node import Node
from tests.support.backup_runs import finish, wait_for
from tests.support.faults import Before, Fault, Retried, cases, mounted
from tests.support.node_ends import remove

NOT_COUNTED = "the restored rows cannot be counted; the lines above say why"

# --- the server ---

CRASHED = (
    Retried(
        "the server crashes", "restore: in the middle", f"exit 1: {NOT_RESTORED}; the next run ends well"
    ),
)

# Its session ends with the server, and not before pg_restore has one.
CRASH_DURING_RESTORE = r"""
do $$ begin
  while not exists (select from pg_stat_activity where datname ~ '_restore_') loop
    perform pg_sleep(0.01), pg_stat_clear_snapshot();
  end loop;
end $$;
select pid from pg_stat_activity where backend_type = 'checkpointer' \gset
\setenv VICTIM :pid
\! kill -9 $VICTIM
select pg_sleep(60);
"""


@pytest.mark.parametrize("case", cases(CRASHED))
def test_what_a_crash_leaves_of_a_restore_goes_with_the_next(stocked: Node, case: Fault) -> None:
    body = '{ head -c 100000; psql -Xqd postgres <<<"$CRASH" >&2; cat; } | "$REAL" "$@"'
    shim = stocked.replace("pg_restore", f"read -rd '' CRASH <<'SQL'\n{CRASH_DURING_RESTORE}\nSQL\n{body}")
    before = Before(stocked)
    done = stocked.restore()
    wait_for(lambda: answers(stocked.server))
    said = NOT_RESTORED.format(newest=stocked.backups()[-1])
    assert (done.code, stocked.alert()) == (1, f"{RESTORE}: {said}\n")
    assert stocked.content() == before.content
    shim.unlink()
    shim.symlink_to(stocked.server.bin / "pg_restore")
    assert stocked.restore("--verify").code == 0
    assert stocked.leaves_nothing()


WAITED = "backup: while it waits for the table"
REWRITTEN = (
    Fault("another session truncates a table", WAITED, COUNT, how="truncate customers"),
    Fault(
        "another session has a table rewritten",
        WAITED,
        COUNT,
        how="alter table customers add seen timestamptz default clock_timestamp()",
    ),
    Fault("another session clusters a table", WAITED, COUNT, how="cluster customers using customers_pkey"),
    Fault(
        "another session puts a table in another's place",
        WAITED,
        COUNT,
        how="alter table customers rename to older; create table customers (like older)",
    ),
)


@pytest.mark.parametrize("case", cases(REWRITTEN))
def test_a_table_that_older_snapshots_find_empty_makes_no_backup(stocked: Node, case: Fault) -> None:
    before = Before(stocked)
    with stocked.held(case.how):
        running = stocked.start("backup-pg.sh")
        wait_for(stocked.waits_for_a_lock)
    done = finish(running)
    assert "rewritten or replaced since the snapshot was taken: public.customers" in done.log
    before.content = stocked.content()
    before.survives(done, case.says)


FULL = (Fault("the server's disk is full", "restore: in the middle", NOT_RESTORED),)


@pytest.mark.parametrize("case", cases(FULL))
def test_a_server_whose_disk_is_full_restores_nothing(stocked: Node, tmp_path: Path, case: Fault) -> None:
    before = Before(stocked)
    with mounted(tmp_path / "small", "size=256k,mode=0700,uid=65534,gid=65534") as small:
        stocked.server.psql(f"create tablespace small_{stocked.token} location '{small}'")
        there = f'export PGOPTIONS="$PGOPTIONS -c default_tablespace=small_{stocked.token}"'
        stocked.replace("pg_restore", f'{there}; exec "$REAL" "$@"')
        try:
            done = stocked.restore()
            before.survives(done, case.says, script=RESTORE)
        finally:
            stocked.server.psql(f"drop tablespace small_{stocked.token}")
    assert "No space left on device" in done.log


# --- rights ---

HIDDEN = (Fault("row-level security hides rows", "backup: the dump that would not mind", COUNT),)


@pytest.mark.parametrize("case", cases(HIDDEN))
def test_rows_that_are_hidden_fail_the_counting_too(stocked: Node, case: Fault) -> None:
    role = f"reader_{stocked.token}"
    stocked.sql(f"create role {role} login password 'x' in role pg_read_all_data")
    stocked.sql("alter table notes enable row level security")
    passwords = stocked.directory / "reader"
    passwords.touch(0o600)
    passwords.write_text("*:*:*:*:x\n")
    stocked.replace("pg_dump", 'exec "$REAL" --enable-row-security "$@"')
    before = Before(stocked)
    stocked.configure(PGUSER=role, PGPASSFILE=str(passwords))
    done = stocked.backup()
    assert "row-level security policy" in done.log
    before.survives(done, case.says)


# --- versions and extensions ---

OLDER = (
    Fault("pg_dump is older than the server", "backup", DUMP, how="pg_dump"),
    Fault(
        "the server is older than the program needs",
        "backup",
        "the server is PostgreSQL 16, a backup needs 18 or newer; upgrade it",
        how="backup-pg.sh",
    ),
    Fault(
        "the server is older than the backup's",
        "restore",
        "the server is older than that of the backup (18); restore into PostgreSQL 18",
        how=RESTORE,
    ),
)


SIXTEEN = embedded.binaries().parents[1] / "pginstall" / "bin"


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    directory, clients = tmp_path_factory.mktemp("sixteen"), embedded.binaries()
    with pytest.MonkeyPatch.context() as patch, start_blocking_portal() as portal:
        patch.setattr(embedded, "binaries", lambda: SIXTEEN)
        with portal.wrap_async_context_manager(embedded.postgres(directory)) as server:
            yield replace(server, bin=clients)


@pytest.mark.parametrize("case", cases(OLDER[:1]))
def test_a_pg_dump_older_than_the_server_makes_no_backup(stocked: Node, case: Fault) -> None:
    stocked.replace(case.how, f'exec {SIXTEEN / case.how} "$@"')
    before = Before(stocked)
    before.survives(stocked.backup(), case.says)


@pytest.mark.parametrize("case", cases(OLDER[1:]))
def test_a_server_that_is_too_old_is_refused(
    tmp_path: Path,
    sixteen: Postgres,
    localstack: LocalStack,
    sample: tuple[dict[str, bytes], str],
    case: Fault,
) -> None:
    node = Node(tmp_path / "node", sixteen, localstack)
    node.create()
    node.plant(*sample)
    before = Before(node)
    before.survives(finish(node.start(case.how)), case.says, script=case.how)
    remove(node)


MISSING = (Fault("the server lacks an extension that an older backup did not note", "restore", NOT_RESTORED),)


@pytest.mark.parametrize("case", cases(MISSING))
def test_an_extension_that_the_server_lacks_is_told(node: Node, case: Fault) -> None:
    extensions, role = node.directory / "extension", node.server.user
    extensions.mkdir()
    (extensions / "ours.control").write_text("default_version = '1'\nrelocatable = true\n")
    (extensions / "ours--1.sql").write_text("create table theirs (a int);\n")
    node.server.psql(f"alter role {role} set extension_control_path = '{node.directory}:$system'")
    try:
        node.create("create extension ours; create table mine as select 1 as a")
        assert node.backup().code == 0
        assert node.manifest()["needs"]["extensions"] == ["ours"]
        node.rewrite(lambda manifest: manifest.pop("needs"))
        (extensions / "ours.control").unlink()
        before = Before(node)
        done = node.restore()
        assert 'extension "ours" is not available' in done.log
        before.survives(done, case.says, script=RESTORE)
    finally:
        node.server.psql(f"alter role {role} reset extension_control_path")


# --- the session ---

SESSIONS = (
    Fault(
        "psql fails",
        "backup: all is counted",
        "the session with the snapshot ended badly, nothing was published; run it again",
        how='"$REAL" "$@" || exit; [[ $* != *$\'\\t\'* ]]',
    ),
)


@pytest.mark.parametrize("case", cases(SESSIONS))
def test_a_psql_that_fails_at_the_end_makes_no_backup(stocked: Node, case: Fault) -> None:
    stocked.replace("psql", case.how)
    before = Before(stocked)
    before.survives(stocked.backup(), case.says)


# --- what reads the dump again ---

UNREAD = (
    Fault("pg_restore cannot be run", "backup", DUMP, how="exit 127"),
    Fault("pg_restore is killed", "backup", DUMP, how="head -c 1000 >/dev/null; kill -KILL $$"),
)


@pytest.mark.parametrize("case", cases(UNREAD))
def test_a_dump_that_pg_restore_does_not_understand_makes_no_backup(stocked: Node, case: Fault) -> None:
    stocked.replace("pg_restore", case.how)
    before = Before(stocked)
    before.survives(stocked.backup(), case.says)


# --- a verifier that cannot run ---

COUNTING = 'sql=$(cat); if [[ $sql == *hashtextextended* ]]; then BODY; fi; exec "$REAL" "$@" <<<"$sql"'
VERIFIERS = (
    Fault(
        "psql fails",
        "restore: the rows are counted",
        NOT_COUNTED,
        how=("psql", COUNTING, "exit 1"),
    ),
    Fault(
        "psql says nothing",
        "restore: the rows are counted",
        NOT_COUNTED,
        how=("psql", COUNTING, "exit 0"),
    ),
    Fault(
        "psql cannot be run",
        "restore: the start",
        "PostgreSQL cannot be reached; check PGUSER and that the server runs",
        how=("psql", "exit 127", ""),
    ),
    Fault(
        "pg_dump fails",
        "restore: the definitions are read",
        "the restored definitions cannot be read; the lines above say why",
        how=("pg_dump", "exit 1", ""),
    ),
    Fault(
        "pg_dump says nothing",
        "restore: the definitions are read",
        "4 objects are not defined as the manifest of {newest} says; "
        "the rows are good; --keep-going restores with what there is, as the runbook says; "
        "the live database was not touched",
        4,
        how=("pg_dump", '[[ $1 != --version ]] || exec "$REAL" "$@"', ""),
    ),
    Fault("pg_restore cannot be run", "restore: the dump", NOT_RESTORED, how=("pg_restore", "exit 127", "")),
    Fault(
        "pg_restore is killed",
        "restore: in the middle",
        NOT_RESTORED,
        how=("pg_restore", 'head -c 100000 | "$REAL" "$@"; kill -KILL $$', ""),
    ),
    Fault(
        "pg_restore restores nothing, and says it did",
        "restore",
        "2 tables differ from the manifest of {newest}; "
        "restore another backup with --id; the live database was not touched",
        4,
        how=("pg_restore", "cat >/dev/null", ""),
    ),
)


@pytest.mark.parametrize("case", cases(VERIFIERS))
def test_a_verifier_that_cannot_run_verifies_nothing(stocked: Node, case: Fault) -> None:
    program, body, instead = case.how
    stocked.replace(program, body.replace("BODY", instead))
    for arguments in ((), ("--verify",)):
        before = Before(stocked)
        before.survives(stocked.restore(*arguments), case.says, case.code, RESTORE)
