"""The roles that a restore makes of the globals."""

from quickdata_node.roles import in_a_line, missing


def test_only_roles_that_are_not_there_are_missing() -> None:
    roles = ["admin", "two ' TO\nlines", "admin"]
    assert missing(roles, ["admin", "forged"]) == ["two ' TO\nlines"]
    assert missing(roles, ["admin", "two ' TO\nlines"]) == []


def test_no_name_breaks_a_line_of_the_log() -> None:
    assert in_a_line(["two\nlines", "reader"]) == "two lines reader"
