"""What others do in the database while a run goes on makes no backup that cannot come back."""

from pathlib import Path
from subprocess import CalledProcessError

import pytest

from pipeline.servers.localstack import LocalStack
from tests.support.backup_node import Node
from tests.support.backup_runs import finish, wait_for
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.node_ends import remove

STORED_APART = """create table big (data text)
  with (autovacuum_enabled = off, toast.autovacuum_enabled = off);
alter table big alter data set storage external;
insert into big select repeat(md5(n::text), 1000) from generate_series(1, 100) n;
"""
MOVES = (
    Retried(
        "a table's TOAST shrinks meanwhile",
        "backup",
        "it is counted once",
        how=("delete from big", "vacuum"),
    ),
    Retried(
        "a table's TOAST grows meanwhile",
        "backup",
        "it is counted once",
        how=(
            "truncate big; insert into big values ('x')",
            "insert into public.big select repeat('x', 9000000)",
        ),
    ),
)


@pytest.mark.parametrize("case", cases(MOVES))
def test_a_table_is_counted_once_however_what_is_stored_apart_grows_or_shrinks(
    node: Node, case: Retried
) -> None:
    before, meanwhile = case.how
    node.create(STORED_APART)
    node.sql(before)
    change = f"{meanwhile} public.big" if meanwhile == "vacuum" else meanwhile
    node.replace(
        "pg_dump", f'"$REAL" "$@" || exit; [[ $* != *--snapshot* ]] || PGOPTIONS= psql -qc "{change}"'
    )
    done = node.backup()
    assert (done.code, done.json["tables"]) == (0, 1)
    assert node.restore("--verify").code == 0


def test_a_temporary_object_of_another_session_is_no_definition(node: Node) -> None:
    node.create("create function drawn() returns int language sql as 'select 4'; create table kept (n int)")
    with node.held("commit; create temp table draft (n int default public.drawn()); begin"):
        assert node.backup().code == 0
    assert "pg_temp" not in str(node.manifest()["definitions"])
    assert node.restore("--verify").code == 0


LEFT_OUT = (
    "create unique index concurrently twice_n on twice (seen(n))",
    "create view pg_catalog.look as select public.seen(1)",
    "create view member as select seen(1); alter extension plpgsql add view member",
)


@pytest.mark.parametrize("what", LEFT_OUT, ids=["an invalid index", "in pg_catalog", "a member"])
def test_what_pg_dump_leaves_out_is_no_definition(node: Node, what: str) -> None:
    node.create(
        "create function seen(n int) returns int immutable language sql as 'select n / 10';"
        "create table twice (n int); insert into twice values (1), (2)"
    )
    if "concurrently" in what:
        with pytest.raises(CalledProcessError, match="psql"):
            node.sql(what)
    else:
        node.sql(f"set allow_system_table_mods = on; {what}")
    assert node.backup().code == 0
    done = node.restore("--verify")
    assert done.code == 0, done.log


def test_a_password_that_is_changed_after_a_backup_changes_no_policy(node: Node) -> None:
    first, second = f"first_{node.token}", f"second_{node.token}"
    node.create(
        f"create role {first}; create role {second}; create table kept (n int);"
        f"create policy seen on kept to {first}, {second} using (true)"
    )
    assert node.backup().code == 0
    node.sql(f"alter role {first} password 'new'")
    done = node.restore()
    assert done.code == 0, done.log


def test_a_generated_column_is_computed_anew_and_not_compared(node: Node) -> None:
    function = "create or replace function label(n int) returns text immutable language sql as 'select {}'"
    node.create(
        f"{function.format('n::text')};"
        "create table kept (n int, label text generated always as (label(n)) stored);"
        f"insert into kept values (1); {function.format('$$no. $$ || n')}"
    )
    assert node.sql("select label from kept") == "1"
    assert node.backup().code == 0
    assert node.restore().code == 0
    assert node.sql("select label from kept") == "no. 1"


LOCKED = (
    Fault(
        "another session holds the database's name",
        "restore: the swap",
        "the databases cannot be swapped, nothing live has changed; the lines above say why",
    ),
)


@pytest.mark.parametrize("case", cases(LOCKED))
def test_a_swap_waits_for_no_lock_without_end(
    stocked: Node, tmp_path: Path, localstack: LocalStack, case: Fault
) -> None:
    stocked.mutate("swap.py", "set local lock_timeout = '30s'", "set local lock_timeout = '1s'")
    before = Before(stocked)
    other = Node(tmp_path / "other", stocked.server, localstack)
    other.create("select")
    with other.held(f"comment on database {stocked.database} is 'held'", "rollback"):
        done = stocked.restore()
    remove(other)
    before.survives(done, case.says, case.code, "restore-pg-latest.sh")


LOST = (
    Retried(
        "the answer of the databases' swap is lost",
        "restore: the swap",
        "the server is asked, and a swap that is done is reported as done",
    ),
)


@pytest.mark.parametrize("case", cases(LOST))
def test_a_swap_whose_answer_is_lost_is_done_all_the_same(stocked: Node, case: Retried) -> None:
    uploads = stocked.directory / "uploads"
    uploads.mkdir()
    stocked.configure(ATTACHMENTS_DIR=str(uploads))
    (uploads / "photo").write_text("kept")
    assert stocked.backup().code == 0
    (uploads / "photo").write_text("changed")
    stocked.sql("delete from customers")
    stocked.replace(
        "psql",
        'text=$(cat; printf x); "$REAL" "$@" <<<"${text%x}"; code=$?;'
        ' [[ $text != *"rename to"* ]] || exit 2; exit $code',
    )
    done = stocked.restore()
    assert (done.code, stocked.sql("select count(*) from customers")) == (0, "500")
    assert (uploads / "photo").read_text() == "kept"
    assert "but the databases are swapped" in done.log


def test_a_swap_that_another_run_has_made_impossible_is_not_called_done(stocked: Node) -> None:
    """On another machine, with a lock of its own, it has dropped what was to become live."""
    uploads = stocked.directory / "uploads"
    uploads.mkdir()
    stocked.configure(ATTACHMENTS_DIR=str(uploads))
    (uploads / "photo").write_text("in the backup")
    assert stocked.backup().code == 0
    (uploads / "photo").write_text("live")
    stocked.sql("delete from customers")
    stocked.replace(
        "psql",
        'text=$(cat; printf x); [[ $text != *"rename to"* ]] || for word; do [[ $word != scratch=* ]] ||'
        ' "$REAL" -qc "drop database ${word#*=} with (force)"; done; "$REAL" "$@" <<<"${text%x}"',
    )
    done = stocked.restore()
    assert "the databases cannot be swapped, nothing live has changed" in done.log
    assert (done.code, stocked.sql("select count(*) from customers")) == (1, "0")
    assert (uploads / "photo").read_text() == "live"


def test_a_server_that_answers_no_more_keeps_no_interrupted_run(node: Node) -> None:
    node.create()
    node.replace("psql", 'if [[ $* == *application=* ]]; then exec sleep 300; fi; exec "$REAL" "$@"')
    with node.locked():
        running = node.start("backup-pg.sh")
        wait_for(node.waits_for_a_lock)
        running.terminate()
        done = finish(running)
    assert done.code == 143
    assert "sessions on the server could not be ended" in done.log
