"""What the counting takes of a server beside pg_dump: the memory of a value, and no locks of its own."""

from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.node.test_fingerprints import counting
from tests.support.backup_node import Node
from tests.support.faults import Fault, cases
from tests.support.node_ends import remove

VALUE = 16 << 20
BIG = """create table big (a bytea, b bytea, c bytea, d text, e text);
insert into big select x, x, x, y, y from (select string_agg(decode(md5(n::text), 'hex'), '') as x,
  string_agg(md5(n::text), '') as y from generate_series(1, 1048576) n);
"""


def virtual_memory(pid: int, which: str) -> int:
    """The bytes of address space that a server's process has, or has had at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) * 1024


def test_memory_follows_the_biggest_value_and_not_the_biggest_row(node: Node) -> None:
    node.create(BIG)
    command = [str(node.server.bin / "psql"), "-XqAt", "-d", node.conninfo()]
    with Popen(command, env=node.server.environment, text=True, stdin=PIPE, stdout=PIPE) as session:
        assert session.stdin and session.stdout
        session.stdin.write("select pg_backend_pid();\n")
        session.stdin.flush()
        pid = int(session.stdout.readline())
        before = virtual_memory(pid, "VmSize")
        session.stdin.write(counting(node, 2))
        session.stdin.flush()
        while session.stdout.readline() != "end\n":
            assert session.poll() is None
        taken = virtual_memory(pid, "VmPeak") - before
        session.stdin.close()
    assert taken < 3.5 * VALUE


# It waits until all else is counted, and leaves a file when it has ended well.
WAITING = """until [[ $(psql -XAtc "select state from pg_stat_activity where application_name = '$PGAPPNAME'
  and pid <> pg_backend_pid() and query ~ 'pg_largeobject'") == idle* ]]; do sleep 0.1; done
"$REAL" --enable-row-security "$@" && touch "$0.ended"
"""


def test_a_table_with_big_values_is_counted_when_pg_dump_has_ended(node: Node) -> None:
    """Counting it fails, which shows when that is."""
    node.create()
    role, passwords = f"reader_{node.token}", node.directory / "reader"
    node.sql(
        f"create role {role} login password 'x' in role pg_read_all_data;"
        "create table big as select string_agg(decode(md5(n::text), 'hex'), '') as data"
        " from generate_series(1, 100000) n; alter table big enable row level security"
    )
    passwords.touch(0o600)
    passwords.write_text("*:*:*:*:x\n")
    node.configure(PGUSER=role, PGPASSFILE=str(passwords))
    shim = node.replace("pg_dump", f"[[ $1 != --version ]] || exec $REAL $1; {WAITING}")
    done = node.backup()
    assert (done.code, node.backups()) == (1, [])
    assert shim.with_name("pg_dump.ended").exists()
    assert 'would be affected by row-level security policy for table "big"' in done.log


def test_as_many_tables_as_pg_dump_can_dump_are_counted_too(
    node: Node, tmp_path: Path, few_locks: Postgres, localstack: LocalStack
) -> None:
    node = Node(tmp_path / "another", few_locks, localstack, scripts=node.scripts)
    tables = 2000
    node.create("".join(f"create table t{n} (a int primary key, b text);\n" for n in range(tables)))
    assert dumps(node)
    assert node.backup().json["tables"] == tables
    assert node.restore("--verify").code == 0
    remove(node)


TOO_MANY = (
    Fault(
        "the database has more tables than the server has locks",
        "backup",
        "the rows could not be counted, nothing was published; 6000 tables need more locks:"
        " set max_locks_per_transaction to 120, and restart PostgreSQL",
    ),
)


@pytest.mark.parametrize("case", cases(TOO_MANY))
def test_more_tables_than_the_server_has_locks_for_are_refused_with_the_setting_to_change(
    node: Node, tmp_path: Path, few_locks: Postgres, localstack: LocalStack, case: Fault
) -> None:
    node = Node(tmp_path / "another", few_locks, localstack, scripts=node.scripts)
    node.create("select format('create table t%s ()', n) from generate_series(1, 6000) n \\gexec")
    assert not dumps(node)
    done = node.backup()
    assert (done.code, node.alert(), node.objects()) == (1, f"backup-pg.sh: {case.says}\n", [])
    remove(node)


def dumps(node: Node) -> bool:
    command = [str(node.server.bin / "pg_dump"), "-Fc", "-d", node.conninfo()]
    with Popen(command, env=node.server.environment, stdout=DEVNULL) as running:
        return running.wait() == 0


def test_a_restore_starts_no_worker_to_count_a_small_table(node: Node) -> None:
    """That takes longer than to count it, which a database of thousands of tables would feel."""
    tables = 50
    node.create("".join(f"create table t{n} (a int primary key, b text);\n" for n in range(tables)))
    assert node.backup().code == 0
    before = workers(node)
    assert node.restore().code == 0
    assert workers(node) - before < tables


def workers(node: Node) -> int:
    """How many the server has meant to start, in all databases: what is restored changes its name."""
    return int(node.server.psql("select sum(parallel_workers_to_launch) from pg_stat_database"))
