"""The statements of the globals: told apart, run one by one, and named without their values."""

import pytest

from quickdata_node.server import ServerFailed
from quickdata_node.statements import in_words, one_by_one, refused, split

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


def test_only_where_pg_dumpall_writes_one_is_a_line_psqls() -> None:
    assert split("\\restrict x\n-- quickdata: settings\n")["roles"] == ["\\restrict x\n"]
    with pytest.raises(ValueError):
        split("-- quickdata: settings\n\\! touch x\n")


def test_a_part_without_statements_is_known() -> None:
    assert split("-- quickdata: money as in C\n") == {"money as in C": []}


def test_each_statement_is_kept_from_psql_and_its_refusal_is_asked_for() -> None:
    text = one_by_one([("one;\n",), ("two;\n", "instead;\n")])
    key = text.split("\\restrict ")[1].partition("\n")[0]
    assert text.count(f"\\restrict {key}\n") == text.count(f"\\unrestrict {key}\n") == 3
    assert text.index("two;") < text.index("\\if :ERROR\n\\restrict") < text.index("instead;")
    assert text.endswith("\\echo end\n")


def test_what_was_refused_is_named_with_why() -> None:
    statements = [("alter database :\"target\" set lc_time to 'xx';\n",), ("GRANT a TO b;\n",)]
    assert refused(statements, '[0, "invalid\\nvalue"]\nend\n') == {
        0: "alter database set lc_time: invalid value"
    }
    assert refused(statements, "end\n") == {}


@pytest.mark.parametrize("printed", ["", '[0, "why"]\n'])
def test_statements_that_were_not_all_run_are_a_failure(printed: str) -> None:
    with pytest.raises(ServerFailed):
        refused([("one;\n",)], printed)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("ALTER ROLE x WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';\n", "ALTER ROLE x WITH LOGIN"),
        ("ALTER ROLE x SET app.key TO 'secret';\n", "ALTER ROLE x SET app.key"),
        ("COMMENT ON ROLE x IS 'to ''y';\n", "COMMENT ON ROLE x"),
        ('alter database :"target" owner to "a\nb";\n', 'alter database owner to "a b"'),
    ],
)
def test_a_refused_statement_is_named_without_its_value(statement: str, words: str) -> None:
    assert in_words(statement) == words
