"""Statements: quoted, run one by one, and named without their values."""

import re

import pytest

from quickdata_node.server import ServerFailed
from quickdata_node.statements import Statement, identifier, literal, one_by_one, refused


def test_a_name_and_a_value_end_where_they_end() -> None:
    assert identifier('a"; b') == '"a""; b"'
    assert literal("it's \\") == "'it''s \\'"
    assert literal("\udce9") == "'\udce9'", "bytes of a server without an encoding go as they came"


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", None, 5, ["a"]])
@pytest.mark.parametrize("quote", [identifier, literal])
def test_what_is_no_text_of_a_server_is_refused(quote: object, odd: object) -> None:
    with pytest.raises(ValueError):
        quote(odd)  # type: ignore[operator]


def test_each_statement_is_kept_from_psql_and_its_refusal_is_asked_for() -> None:
    text = one_by_one([Statement("one;\n", "one"), Statement("two;\n", "two", "instead;\n")])
    keys = re.findall(r"\\restrict (\w{16})\n\w+;\n\\unrestrict \1\n", text)
    assert len(set(keys)) == text.count("restrict") / 2 == 3
    assert text.index("two;") < text.index("\\if :ERROR\n\\restrict") < text.index("instead;")
    assert text.endswith("\\echo end\n")


def test_what_was_refused_is_named_with_why_in_one_line() -> None:
    statements = [Statement("alter role x set lc_time to 'xx';\n", "alter role a\nb set lc_time")]
    said = {0: "alter role a b set lc_time: invalid value"}
    assert refused(statements, '[0, "invalid\\nvalue"]\nend\n') == said
    assert refused(statements, "end\n") == {}


@pytest.mark.parametrize("printed", ["", '[0, "why"]\n'])
def test_statements_that_were_not_all_run_are_a_failure(printed: str) -> None:
    with pytest.raises(ServerFailed):
        refused([Statement("one;\n", "one")], printed)
