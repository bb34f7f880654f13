"""What is built on the rows and cannot be: a failure by default, and a list for who keeps going."""

import shlex
import subprocess

import pytest

from quickdata_node.parts import AT_ONCE, SMALLEST
from tests.support.backup_node import Node
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.mutation import RESTORE
from tests.support.runbook import on_a_node

INDEX = "CREATE UNIQUE INDEX twice_n ON public.twice USING btree (n)"
KEY = (
    "ALTER TABLE ONLY public.child ADD CONSTRAINT child_p_fkey FOREIGN KEY (p) REFERENCES public.parent(id)"
)[:100]
VIEW = "REFRESH MATERIALIZED VIEW public.computed"
DEFAULT = (
    Fault(
        "an orphan under a foreign key, duplicates under a unique index, a materialized view that fails",
        "restore and verify: all is compared",
        "the rows of {newest} are good, but these statements fail: "
        + f"{INDEX}, {KEY}, {VIEW}"
        + "; the lines above say why; --keep-going restores without them, as the runbook says",
    ),
)


@pytest.mark.parametrize("case", cases(DEFAULT))
def test_objects_that_cannot_be_built_fail_a_restore_which_names_them(broken: Node, case: Fault) -> None:
    for arguments in ((), ("--verify",)):
        before = Before(broken)
        before.survives(broken.restore(*arguments), case.says, case.code, RESTORE)


KEPT = (
    Retried(
        "the same, with --keep-going",
        "restore",
        "exit 5: the rows are live, the foreign key is NOT VALID; log and JSON line name the missing objects",
    ),
)


@pytest.mark.parametrize("case", cases(KEPT))
def test_who_keeps_going_gets_the_rows_and_a_list_of_what_is_missing(broken: Node, case: Retried) -> None:
    broken.sql("delete from twice")
    done = broken.restore("--keep-going")
    backup, said = broken.backups()[-1], done.json
    assert done.code == 5
    assert broken.alert() == (
        f"{RESTORE}: backup {backup} is restored, without {INDEX}, {VIEW}, {KEY};"
        " fix their rows and create them, as the runbook says\n"
    )
    index, view = said["missing"]
    assert (index["what"], view["what"]) == (INDEX, VIEW)
    assert index["command"].startswith("CREATE UNIQUE INDEX twice_n ON public.twice")
    assert view["why"] == "ERROR:  no more"
    [key] = said["not_valid"]
    assert key["what"] == KEY
    assert key["command"] == "ALTER TABLE ONLY public.child VALIDATE CONSTRAINT child_p_fkey;\n"
    assert broken.sql("select count(*) from twice") == "2"
    assert broken.sql("select convalidated from pg_constraint where conname = 'child_p_fkey'") == "f"
    assert broken.sql("select count(*) from pg_index where indexrelid = 'child_p'::regclass") == "1"
    assert broken.databases() == [broken.database, said["kept"]]
    assert broken.leaves_nothing()


def test_the_runbook_makes_all_whole_again(broken: Node) -> None:
    broken.sql("drop materialized view computed")
    assert broken.backup().code == 0
    assert broken.restore("--keep-going").code == 5
    said = []
    for arguments in on_a_node("Objects cannot be built"):
        command = [str(broken.server.bin / "psql"), "-XqAt", broken.database, *shlex.split(arguments)]
        done = subprocess.run(
            command, env=broken.server.environment, text=True, capture_output=True, check=True
        )
        said.append(done.stdout.strip())
    assert said == ["7", '1|2|{"(0,1)","(0,2)"}', "", ""]
    assert broken.backup().code == 0
    assert broken.restore("--verify").code == 0


def test_who_keeps_going_with_a_good_backup_gets_all_of_it(stocked: Node) -> None:
    done = stocked.restore("--keep-going")
    assert (done.code, done.json["missing"], done.json["not_valid"]) == (0, [], [])


def test_a_verification_keeps_going_with_nothing(stocked: Node) -> None:
    done = stocked.restore("--verify", "--keep-going")
    assert (done.code, done.out) == (2, "")
    assert "--keep-going and --verify cannot be used together; give only one of them" in done.log


MORE = (
    Fault(
        "pg_restore fails for another reason than an object",
        "restore with --keep-going: what is built on the rows",
        "the dump of {newest} cannot be restored; the lines above say why",
        how=("", '[[ $* != *post-data* ]] || { "$REAL" "$@" 2>/dev/null; exit 1; }; exec "$REAL" "$@"'),
    ),
    Fault(
        "the server ends the session",
        "restore with --keep-going: what is built on the rows",
        "the dump of {newest} cannot be restored; the lines above say why",
        how=(
            "create function near(int) returns int immutable language plpgsql as 'begin return $1; end';"
            "create table far as select 1 as n; create index on far (near(n));"
            "create or replace function near(int) returns int immutable language plpgsql as"
            " 'begin perform pg_terminate_backend(pg_backend_pid()); return $1; end'",
            'exec "$REAL" "$@"',
        ),
    ),
)


@pytest.mark.parametrize("case", cases(MORE))
def test_nobody_keeps_going_when_more_went_wrong(broken: Node, case: Fault) -> None:
    more, body = case.how
    if more:
        broken.sql(more)
        assert broken.backup().code == 0
    broken.replace("pg_restore", body)
    before = Before(broken)
    before.survives(broken.restore("--keep-going"), case.says, case.code, RESTORE)


def test_of_a_large_dump_only_the_beginning_is_read_twice(node: Node, proxy: FaultProxy) -> None:
    noise = "select string_agg(sha512((n * 2000 + i)::text::bytea), '') from generate_series(1, 2000) i"
    node.create(f"create table noise as select ({noise}) as noise from generate_series(1, 500) n")
    node.configure(AWS_ENDPOINT_URL=proxy.url)
    assert node.backup().code == 0
    parts = node.manifest()["objects"]["dump"]["size"] / SMALLEST
    with proxy.making("pass on", r"GET .*/dump\.zst") as seen:
        assert node.restore("--verify").code == 0
    assert parts < len(seen.met) <= parts + 2 + AT_ONCE < 2 * parts
