"""The roles that a restore makes of the globals."""

from quickdata_node.roles import about, attempts, in_a_line, missing
from quickdata_node.statements import split
from tests.unit.quickdata_node.test_statements import GLOBALS


def test_only_roles_that_are_not_there_are_missing() -> None:
    statements = split(GLOBALS)["roles"]
    assert missing(statements, ["admin", "forged"]) == ['"two \' TO\nlines"']
    assert missing(statements, ["admin", '"two \' TO\nlines"']) == []


def test_a_missing_role_gets_its_settings_memberships_and_grants_and_no_other_is_altered() -> None:
    statements = split(GLOBALS)["roles"]
    made = list(about(statements, ['"two \' TO\nlines"']))
    assert [each.split()[0] for each in made] == ["ALTER", "GRANT"]
    assert not [each for each in made if "admin WITH" in each]
    assert [each.split()[0] for each in about(statements, ["reader"])] == ["COMMENT", "GRANT", "GRANT"]


def test_no_name_breaks_a_line_of_the_log() -> None:
    assert in_a_line(['"two\nlines"', "reader"]) == '"two lines" reader'


def test_a_membership_is_tried_without_who_granted_it_and_nothing_else_is_tried_twice() -> None:
    granted = 'GRANT reader TO "two \' TO\nlines" WITH INHERIT TRUE GRANTED BY "GRANTED BY ""x""";\n'
    assert attempts(granted) == (granted, 'GRANT reader TO "two \' TO\nlines" WITH INHERIT TRUE;\n')
    other = "ALTER ROLE x SET app.said TO ' GRANTED BY y';\n"
    assert attempts(other) == (other,)
