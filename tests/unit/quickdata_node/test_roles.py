"""The globals, statement by statement, and the roles that a restore makes of them."""

import pytest

from quickdata_node.roles import about, missing, shown, split

GLOBALS = """\
--
-- PostgreSQL database cluster dump
--

SET default_transaction_read_only = off;
CREATE ROLE admin;
ALTER ROLE admin WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';
CREATE ROLE "two ' TO
lines";
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
    assert [len(statements) for statements in parts.values()] == [8, 1, 1]
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


def test_only_roles_that_are_not_there_are_missing() -> None:
    statements = split(GLOBALS)["roles"]
    assert missing(statements, ["admin", "forged"]) == ['"two \' TO\nlines"']
    assert missing(statements, ["admin", '"two \' TO\nlines"']) == []


def test_a_missing_role_gets_its_settings_memberships_and_grants_and_no_other_is_altered() -> None:
    statements = split(GLOBALS)["roles"]
    made = list(about(statements, ['"two \' TO\nlines"']))
    assert [each.split()[0] for each in made] == ["CREATE", "ALTER", "GRANT"]
    assert not [each for each in made if "admin WITH" in each]
    assert [each.split()[0] for each in about(statements, ["reader"])] == ["COMMENT", "GRANT", "GRANT"]


def test_no_name_breaks_a_line_of_the_log() -> None:
    assert shown(['"two\nlines"', "reader"]) == '"two lines" reader'
