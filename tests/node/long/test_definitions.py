"""What is defined in a database is compared too: a restore that brings back the rows alone is seen."""

from pathlib import Path

import pytest

from pipeline.machine.repository import REPOSITORY
from tests.support.backup_node import Node
from tests.support.faults import Before, Fault, Retried, cases

RESTORE = "restore-pg-latest.sh"
DEFINED = (
    "1 objects are not defined as the manifest of {newest} says; "
    "the rows are good; --keep-going restores with what there is, as the runbook says; "
    "the live database was not touched"
)
BLIND = """
create domain blind as text;
create function same(blind, blind) returns bool immutable language sql as 'select lower($1) = lower($2)';
create operator = (leftarg = blind, rightarg = blind, function = same);
create function seen() returns trigger language plpgsql as 'begin return new; end';
create table kept (e blind);
create trigger changed before update on kept for each row when (old.e is distinct from new.e)
  execute function seen();
"""
AGAIN = '"$REAL" "$@" || exit; [[ $* == *post-data* ]] || exit 0; target=${!#}; export PGOPTIONS=;'
CHANGED = f'{AGAIN} psql -qd "${{target#--dbname=}}" -c'
OTHERWISE = (
    Fault(
        "a trigger compares by an operator that the dump cannot name",
        "restore",
        DEFINED,
        4,
        how=(BLIND, "", "call by trigger changed on public.kept is defined otherwise"),
    ),
    Fault(
        "an index does not come back",
        "restore",
        DEFINED,
        4,
        how=(
            "create table kept (n int); create index by_n on kept (n)",
            "drop index by_n",
            "INDEX public.by_n is missing",
        ),
    ),
    Fault(
        "a column may be null",
        "restore",
        DEFINED,
        4,
        how=(
            "create table kept (n int not null)",
            "alter table kept alter n drop not null",
            "TABLE public.kept is defined otherwise",
        ),
    ),
    Fault(
        "somebody gets a right",
        "restore",
        DEFINED,
        4,
        how=(
            "create table kept (n int)",
            "grant select on kept to pg_monitor",
            "ACL public.TABLE kept is not in the manifest",
        ),
    ),
)


@pytest.mark.parametrize("case", cases(OTHERWISE))
def test_what_comes_back_defined_otherwise_is_named(node: Node, case: Fault) -> None:
    schema, change, said = case.how
    node.create(schema)
    assert node.backup().code == 0
    if change:
        node.replace("pg_restore", f"{CHANGED} '{change}'")
    for arguments in ((), ("--verify",)):
        before = Before(node)
        done = node.restore(*arguments)
        assert f"different: {said}\n" in done.log
        before.survives(done, case.says, case.code, RESTORE)


KEPT = (
    Retried(
        "a trigger compares by an operator that the dump cannot name",
        "restore with --keep-going",
        "exit 5: the rows are live; log and JSON line name the trigger",
    ),
)


@pytest.mark.parametrize("case", cases(KEPT))
def test_who_keeps_going_gets_the_rows_and_a_list_of_what_is_defined_otherwise(
    node: Node, case: Retried
) -> None:
    node.create(f"{BLIND} insert into kept values ('a')")
    assert node.backup().code == 0
    node.sql("delete from kept")
    done = node.restore("--keep-going")
    backup = node.backups()[-1]
    assert (done.code, node.sql("select * from kept")) == (5, "a")
    assert done.json["otherwise"] == ["call by trigger changed on public.kept is defined otherwise"]
    assert node.alert() == (
        f"{RESTORE}: backup {backup} is restored, with 1 objects defined otherwise;"
        " the lines above name them; define them again, as the runbook says\n"
    )
    assert node.leaves_nothing()


MANY = (REPOSITORY / "tests/support/every_kind_of_definition.sql").read_text(encoding="utf-8")


def test_definitions_of_many_kinds_come_back_equal(node: Node) -> None:
    node.create(MANY)
    assert node.backup().code == 0
    definitions = node.manifest()["definitions"]
    assert len(definitions) > 50
    node.server.psql(f"alter role {node.server.user} set timezone = 'Asia/Tokyo'")
    try:
        done = node.restore()
        assert done.code == 0, done.log
    finally:
        node.server.psql(f"alter role {node.server.user} reset timezone")
    assert node.backup().code == 0
    again = node.restore("--verify")
    assert again.code == 0, again.log
    assert node.manifest()["definitions"].keys() == definitions.keys()


def test_a_template_comes_back_as_one_and_old_ones_go(node: Node) -> None:
    node.create()
    node.server.psql(f"alter database {node.database} is_template true")
    assert node.backup().code == 0
    templates = f"select datname from pg_database where datistemplate and datname ~ '{node.token}' order by 1"
    try:
        for _ in range(2):
            assert node.restore("--verify").code == 0
            assert node.restore().code == 0
            assert node.server.psql(templates).splitlines()[:1] == [node.database]
            assert node.backup().code == 0
        assert len(node.databases()) == 2
    finally:
        for name in node.databases():
            node.server.psql(f"alter database {name} is_template false")


def test_definitions_that_another_pg_dump_wrote_are_not_compared(stocked: Node) -> None:
    older = {"client_version": "pg_dump (PostgreSQL) 17.6", "definitions": {}}
    stocked.rewrite(lambda manifest: manifest.update(older))
    done = stocked.restore("--verify")
    assert done.code == 0
    assert "definitions are not compared: pg_dump (PostgreSQL) 17.6 wrote them, not pg_dump" in done.log


# --- attachments ---

FILES = (
    Fault(
        "a file of the attachments does not come back",
        "restore",
        "the attachments differ from the manifest of {newest}; "
        "restore another backup with --id; the live database was not touched",
        4,
        how="number",
    ),
    Fault(
        "a file of the attachments comes back shorter",
        "restore",
        "the attachments differ from the manifest of {newest}; "
        "restore another backup with --id; the live database was not touched",
        4,
        how="bytes",
    ),
)


@pytest.mark.parametrize("case", cases(FILES))
def test_attachments_that_come_back_otherwise_are_seen(node: Node, uploads: Path, case: Fault) -> None:
    (uploads / "photo").write_bytes(b"12345")
    assert node.backup().code == 0
    said = node.manifest()["objects"]["attachments"]
    assert (said["files"], said["file_bytes"]) == (3, 5)
    loss = {"number": "rm", "bytes": "truncate -s 4"}[case.how]
    node.replace("tar", f'"$REAL" "$@" || exit; [[ $1 != --extract ]] || {loss} "${{!#}}/photo"')
    before = Before(node)
    done = node.restore()
    left = {"number": "2 files of 0 bytes", "bytes": "3 files of 4 bytes"}[case.how]
    assert f"different: the attachments are {left} instead of 3 of 5" in done.log
    before.survives(done, case.says, case.code, RESTORE)
    assert (uploads / "photo").read_bytes() == b"12345"


def test_attachments_are_counted_by_a_verification_too(node: Node, uploads: Path) -> None:
    node.rewrite(lambda manifest: manifest["objects"]["attachments"].update(files=9))
    said = node.refuses_to_restore("--verify")
    assert said.startswith("4: ") and "the attachments differ" in said
