"""What a database needs of a server: a backup notes it, and a restore asks before it downloads anything."""

import pytest

from tests.support.backup_node import Node
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Before, Fault, cases

NEEDY = """
create extension vector; create table points (p vector(2));
create collation de (provider = libc, locale = 'C.UTF-8');
create collation bare (provider = builtin, locale = 'C');
create table words (w text collate "C.utf8", long text compression pglz);
create table names (n text) partition by range (n);
"""
NOTHING = {"extensions": [], "locales": [], "collations": [], "compression": []}
THERE = {
    "extensions": ["vector", "plpgsql"],
    "locales": ["libc C.UTF-8", "libc C", "builtin C.UTF-8"],
    "collations": ["C.utf8", "ucs_basic"],
    "compression": ["pglz"],
}
LACKS = (
    Fault(
        "the server lacks an extension",
        "restore and drill: the start",
        "the server lacks the extension pg_trgm; install it there, or restore into a server that has it",
        3,
        {"extensions": ["vector", "pg_trgm"]},
    ),
    Fault(
        "the server lacks a locale that decides which rows are valid",
        "restore and drill: the start",
        "the server lacks the locale libc tlh_Q.utf8, the locale icu de-DE;"
        " install it there, or restore into a server that has it",
        3,
        {"locales": ["libc tlh_Q.utf8", "libc C.UTF-8", "icu de-DE"]},
    ),
    Fault(
        "the server lacks a collation",
        "restore and drill: the start",
        "the server lacks the collation de-x-icu, the collation unicode;"
        " install it there, or restore into a server that has it",
        3,
        {"collations": ["de-x-icu", "C.utf8", "unicode"]},
    ),
    Fault(
        "the server lacks a compression method",
        "restore and drill: the start",
        "the server lacks the compression lz4; install it there, or restore into a server that has it",
        3,
        {"compression": ["lz4", "pglz"]},
    ),
)


def test_a_backup_notes_what_its_database_needs_of_a_server(node: Node) -> None:
    node.create(NEEDY)
    assert node.backup().code == 0
    assert node.manifest()["needs"] == {
        "extensions": ["vector"],
        "locales": ["builtin C", "libc C.UTF-8"],
        "collations": ["C.utf8"],
        "compression": ["pglz"],
    }
    assert node.restore().code == 0


def test_where_the_order_of_text_decides_nothing_the_databases_locale_is_no_need(node: Node) -> None:
    node.create()
    node.sql("create table by_number (n int) partition by range (n)")
    assert node.backup().code == 0
    assert node.manifest()["needs"] == NOTHING


@pytest.mark.parametrize(
    ("made", "locale"),
    [
        ("create type words as range (subtype = text)", "libc C.UTF-8"),
        ("create table t (s text) partition by range (s)", "libc C.UTF-8"),
        ('create table t (s text collate "C") partition by range (s)', None),
        ("create table t (s text) partition by list (s)", None),
    ],
)
def test_the_databases_locale_is_a_need_where_it_decides_which_rows_are_valid(
    node: Node, made: str, locale: str | None
) -> None:
    node.create(made)
    assert node.backup().code == 0
    assert node.manifest()["needs"]["locales"] == ([locale] if locale else [])


@pytest.mark.parametrize("case", cases(LACKS))
def test_what_the_server_lacks_is_told_before_anything_is_downloaded(
    stocked: Node, proxy: FaultProxy, case: Fault
) -> None:
    stocked.rewrite(lambda manifest: manifest.update(needs=case.how))
    stocked.configure(AWS_ENDPOINT_URL=proxy.url)
    before = Before(stocked)
    with proxy.making("seen", "zst") as asked:
        done = stocked.restore()
    assert asked.met == []
    before.survives(done, case.says, case.code, "restore-pg-latest.sh")


def test_what_the_server_has_bars_nothing_and_nothing_is_left_of_the_question(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest.update(needs=THERE))
    before = stocked.server.psql("select count(*) from pg_collation, pg_proc where proname = 'fails'")
    done = stocked.restore("--verify")
    assert done.code == 0
    assert "cannot be asked" not in done.log
    assert stocked.server.psql("select count(*) from pg_collation, pg_proc where proname = 'fails'") == before


def test_a_name_that_looks_like_sql_is_a_name(stocked: Node) -> None:
    name = "x'); drop schema public cascade; --"
    needs = {"extensions": [name], "locales": [f"icu {name}"], "collations": [f'"{name}']}
    stocked.rewrite(lambda manifest: manifest.update(needs=needs))
    content = stocked.content()
    done = stocked.restore()
    assert (done.code, stocked.content()) == (3, content)
    assert f"the server lacks the extension {name}, the locale icu {name}, the collation" in done.log


def test_a_server_that_cannot_be_asked_is_tried(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest.update(needs=THERE))
    stocked.replace("psql", '[[ "$*" != *needs=* ]] || exit 1; exec "$REAL" "$@"')
    done = stocked.restore("--verify")
    assert done.code == 0
    assert "the server cannot be asked what it lacks" in done.log
