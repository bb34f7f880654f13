"""The globals of format 1: their statements are told apart, known, and named without their values."""

import pytest

from quickdata_node.old_globals import read, said, split
from quickdata_node.statements import Statement

GLOBALS = """\
--
-- PostgreSQL database cluster dump
--

SET default_transaction_read_only = off;
CREATE ROLE admin;
ALTER ROLE admin WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';
CREATE ROLE "two ' TO
lines";
CREATE ROLE reader;
ALTER ROLE "two ' TO
lines" SET app.banner TO 'one ''
;
-- quickdata: create
CREATE ROLE forged;';
COMMENT ON ROLE reader IS 'for; all';
GRANT reader TO "two ' TO
lines" GRANTED BY admin;
GRANT SET ON PARAMETER log_statement TO reader;
-- quickdata: create
create database :"target" template template0;
-- quickdata: settings
comment on database :"target" is 'x
-- quickdata: create
alter role owner superuser; --';
"""


def test_a_statement_has_its_part_and_a_mark_within_a_text_is_text() -> None:
    parts = split(GLOBALS)
    assert list(parts) == ["roles", "create", "settings"]
    assert [len(statements) for statements in parts.values()] == [9, 1, 1]
    assert parts["create"] == ['create database :"target" template template0;\n']
    assert parts["settings"][0].count("\n") == 3


def test_an_odd_end_of_a_line_ends_no_line() -> None:
    assert split("comment on role x is 'a\u2028b\rc\x0bd';\n")["roles"] == [
        "comment on role x is 'a\u2028b\rc\x0bd';\n"
    ]


def test_what_psql_would_do_is_a_statement_of_its_own() -> None:
    assert split("\\! touch x\nselect 1;\n")["roles"] == ["\\! touch x\n", "select 1;\n"]


@pytest.mark.parametrize("text", ["CREATE ROLE x", "ALTER ROLE x; \\! id\n", "comment on role x is 'a;\n"])
def test_what_has_no_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        split(text)


def test_only_where_pg_dumpall_writes_one_is_a_line_psqls() -> None:
    assert split("\\restrict x\n-- quickdata: settings\n")["roles"] == ["\\restrict x\n"]
    with pytest.raises(ValueError):
        split("-- quickdata: settings\n\\! touch x\n")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("ALTER ROLE x WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';\n", "ALTER ROLE x WITH LOGIN"),
        ("ALTER ROLE x SET app.key TO 'secret';\n", "ALTER ROLE x SET app.key"),
        ("COMMENT ON ROLE x IS 'to ''y';\n", "COMMENT ON ROLE x"),
        ('alter database :"target" owner to "a b";\n', 'alter database owner to "a b"'),
    ],
)
def test_a_refused_statement_is_named_without_its_value(statement: str, words: str) -> None:
    assert said(statement).words == words


TWO = "two ' TO\nlines"
SETTINGS = """\
-- quickdata: create
create database :"target" template template0 lc_collate 'de_DE.utf8' lc_ctype 'de_DE.utf8';
-- quickdata: settings
alter database :"target" owner to x;
alter database :"target" set "TimeZone" to 'Europe/Paris';
alter database :"target" set lc_monetary to 'de_DE.utf8';
alter role timezone in database :"target" set work_mem to '1MB';
"""


def test_roles_are_known_by_their_names() -> None:
    assert read(GLOBALS).roles == ["admin", TWO, "reader"]


def test_each_statement_is_about_the_roles_that_it_names() -> None:
    about = [(roles, statement.sql.split()[0]) for roles, statement in read(GLOBALS).about]
    assert about == [
        ({"admin"}, "ALTER"),
        ({TWO}, "ALTER"),
        ({"reader"}, "COMMENT"),
        ({"reader", TWO}, "GRANT"),
        ({"log_statement", "reader"}, "GRANT"),
    ]


def test_a_membership_is_tried_without_who_granted_it_and_nothing_else_is_tried_twice() -> None:
    granted = 'GRANT reader TO "two \' TO\nlines" WITH INHERIT TRUE GRANTED BY "GRANTED BY ""x""";\n'
    assert said(granted).instead == 'GRANT reader TO "two \' TO\nlines" WITH INHERIT TRUE;\n'
    assert said("ALTER ROLE x SET app.said TO ' GRANTED BY y';\n").instead == ""


def test_only_what_constraints_go_by_is_set_before_the_rows_come() -> None:
    found = read(SETTINGS)
    zone = 'alter database :"target" set "TimeZone" to \'Europe/Paris\';\n'
    assert found.first == [Statement(zone, 'alter database set "TimeZone"')]
    assert len(found.later) == 3


def test_a_locale_that_is_missing_has_another_in_its_place() -> None:
    found = read(SETTINGS)
    assert " lc_collate 'de_DE.utf8' lc_ctype 'de_DE.utf8';" in found.create
    assert " lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8';" in found.create_elsewhere


def test_a_dump_is_read_with_the_money_that_its_database_wrote() -> None:
    assert read(SETTINGS).dump == {"lc_monetary": "de_DE.utf8"}
    assert read(GLOBALS).dump == {"lc_monetary": None}
