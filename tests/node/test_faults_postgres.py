"""PostgreSQL, its clients and its container that fail: beside a backup, and beside a restore."""

import os
import subprocess

import pytest

from pipeline.servers.postgres import Postgres
from tests.node.test_backup_container import containers
from tests.support.backup_node import Node
from tests.support.backup_runs import finish, wait_for
from tests.support.faults import Before, Fault, cases

AGAIN = "nothing was published; the lines above say why; then run it again"
DUMP, COUNT = f"the dump ended badly, {AGAIN}", f"the rows could not be counted, {AGAIN}"
RESTORE = "restore-pg-latest.sh"
NOT_RESTORED = "the dump of {newest} cannot be restored; the lines above say why"
NOT_COUNTED = "the restored rows cannot be counted; the lines above say why"
CUT = '"$REAL" "$@" >"$0.all" && head -c $(($(stat -c %s "$0.all") * PERCENT / 100)) "$0.all"; kill -KILL $$'

KILLED = tuple(
    Fault("pg_dump is killed", f"at {percent} %", DUMP, how=percent) for percent in (0, 50, 99, 100)
)


@pytest.mark.parametrize("case", cases(KILLED))
def test_a_pg_dump_that_is_killed_makes_no_backup(stocked: Node, case: Fault) -> None:
    stocked.replace("pg_dump", CUT.replace("PERCENT", str(case.how)))
    before = Before(stocked)
    before.survives(stocked.backup(), case.says)


# --- the server ---

CRASHES = (Fault("the server crashes", "backup: while rows are counted", COUNT),)


def crash(server: Postgres, which: str) -> None:
    """Kill one of the server's processes, as the kernel does when memory runs out: it ends all sessions."""
    process = server.psql(f"select pid from pg_stat_activity where {which} limit 1")
    os.kill(int(process), 9)


def answers(server: Postgres) -> bool:
    try:
        return server.psql("select 1") == "1"
    except subprocess.CalledProcessError:
        return False


@pytest.mark.parametrize("case", cases(CRASHES))
def test_a_server_that_crashes_makes_no_backup(stocked: Node, case: Fault) -> None:
    before = Before(stocked)
    with stocked.locked():
        running = stocked.start("backup-pg.sh")
        wait_for(stocked.waits_for_a_lock)
        crash(stocked.server, "application_name ~ '^quickdata' and wait_event_type = 'Lock'")
        done = finish(running)
    wait_for(lambda: answers(stocked.server))
    before.survives(done, case.says)


GONE = (
    Fault(
        "the server does not run",
        "backup",
        "PostgreSQL cannot be reached; check PGUSER and that the server runs",
        how="backup-pg.sh",
    ),
    Fault(
        "the server does not run",
        "restore",
        "PostgreSQL cannot be reached; check PGUSER and that the server runs",
        how=RESTORE,
    ),
)


@pytest.mark.parametrize("case", cases(GONE))
def test_a_server_that_does_not_run_is_told(stocked: Node, case: Fault) -> None:
    before = Before(stocked)
    stocked.configure(PGPORT="1")
    before.survives(finish(stocked.start(case.how)), case.says, script=case.how)


# --- rights ---

BLIND = (Fault("the role lacks SELECT on one table", "backup", COUNT),)


@pytest.mark.parametrize("case", cases(BLIND))
def test_a_table_that_the_role_may_not_read_makes_no_backup(stocked: Node, case: Fault) -> None:
    role = f"reader_{stocked.token}"
    stocked.sql(f"create role {role} login password 'x'; grant select on customers to {role}")
    passwords = stocked.directory / "reader"
    passwords.touch(0o600)
    passwords.write_text("*:*:*:*:x\n")
    before = Before(stocked)
    stocked.configure(PGUSER=role, PGPASSFILE=str(passwords))
    done = stocked.backup()
    assert "permission denied for table notes" in done.log
    before.survives(done, case.says)


# --- the container ---

REPLACED = (
    Fault("the container is replaced", "backup: in the middle of the dump", DUMP, how="pg_dump"),
    Fault("the container is replaced", "restore: in the middle of the dump", NOT_RESTORED, how="pg_restore"),
)


@pytest.mark.parametrize("case", cases(REPLACED))
def test_a_container_that_is_replaced_halfway_changes_nothing(stocked: Node, case: Fault) -> None:
    before = Before(stocked)
    containers(stocked, "$'4f2a\\n'")
    docker = stocked.directory / "docker-bin" / "docker"
    stop = (
        f'if [[ $* == *"4f2a {case.how} --no"* ]]; then touch "$0.gone"; head -c 100000 /dev/urandom; fi; '
        '[[ ! -e $0.gone ]] || { echo "No such container: 4f2a" >&2; exit 1; }\n'
    )
    docker.write_text(docker.read_text().replace("\n", f"\n{stop}", 1))
    backs_up = case.how == "pg_dump"
    done = stocked.backup() if backs_up else stocked.restore()
    said = case.says.format(newest=stocked.backups()[-1])
    assert (done.code, done.out) == (1, "")
    assert stocked.alert() == f"{'backup-pg.sh' if backs_up else RESTORE}: {said}\n"
    assert (stocked.content(), before.manifests()) == (before.content, before.complete)
