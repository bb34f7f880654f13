"""The globals as data: the SQL that a restore makes of them, whoever wrote them."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from quickdata_node.globals_data import ATTRIBUTES, elements, in_order, read
from quickdata_node.statements import Statement

ROLE = {
    **dict.fromkeys(ATTRIBUTES, False),
    **{"name": "reader", "login": True, "connection_limit": -1, "valid_until": None, "comment": "it's"},
    "password": "SCRAM-SHA-256$4096:x",
    "settings": [{"name": "work_mem", "value": "1MB"}],
}
DATA: dict[str, Any] = {
    "roles": [ROLE],
    "memberships": [
        {"role": "a", "member": "b", "grantor": "c", "admin": True, "inherit": False, "set": True}
    ],
    "parameters": [{"parameter": "log_statement", "privilege": "SET", "to": "reader", "grantable": False}],
    "database": {
        **{"owner": "x", "encoding": "UTF8", "collate": "de_DE", "ctype": "de_DE", "provider": "icu"},
        **{"locale": "de", "icu_rules": "&V << w", "connection_limit": 7, "comment": "mine"},
        "settings": [
            {"role": None, "name": "TimeZone", "value": "Europe/Paris"},
            {"role": None, "name": "search_path", "value": '"$user", a'},
            {"role": "timezone", "name": "TimeZone", "value": "UTC"},
        ],
        "grants": [{"privilege": "CONNECT", "to": None, "grantable": True}],
    },
}
LINES = (
    json.dumps({name: DATA[name] for name in ("roles", "memberships", "parameters")}),
    json.dumps({"database": DATA["database"]}),
)
QUOTED = re.compile("\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'")


def test_what_makes_a_role_what_it_was_is_about_that_role() -> None:
    about = read("\n".join(LINES) + "\n").about
    assert [(roles, statement.sql) for roles, statement in about] == [
        (
            {"reader"},
            'alter role "reader" with nosuperuser noinherit nocreaterole nocreatedb login noreplication'
            " nobypassrls connection limit -1 password 'SCRAM-SHA-256$4096:x';\n",
        ),
        ({"reader"}, "comment on role \"reader\" is 'it''s';\n"),
        ({"reader"}, 'alter role "reader" set "work_mem" to \'1MB\';\n'),
        ({"a", "b"}, 'grant "a" to "b" with admin true, inherit false, set true granted by "c";\n'),
        ({"reader"}, 'grant SET on parameter "log_statement" to "reader";\n'),
    ]
    assert about[3][1].instead == 'grant "a" to "b" with admin true, inherit false, set true;\n'
    assert not any("SCRAM" in statement.words or "1MB" in statement.words for _, statement in about)


def test_a_database_is_created_with_its_locale_or_with_one_that_every_machine_has() -> None:
    found = read("\n".join(LINES))
    assert found.create == (
        "create database :\"target\" template template0 encoding 'UTF8' lc_collate 'de_DE' lc_ctype 'de_DE'"
        " locale_provider 'icu' icu_locale 'de' icu_rules '&V << w';\n"
    )
    assert found.create_elsewhere == found.create.replace("de_DE", "C.UTF-8")


def test_only_what_constraints_go_by_is_set_before_the_rows_come() -> None:
    found = read("\n".join(LINES))
    zone = 'alter database :"target" set "TimeZone" to \'Europe/Paris\';\n'
    assert found.first == [Statement(zone, "alter database set TimeZone")]
    assert [statement.sql for statement in found.later] == [
        'alter database :"target" owner to "x";\n',
        'alter database :"target" connection limit 7;\n',
        "comment on database :\"target\" is 'mine';\n",
        "alter database :\"target\" set \"search_path\" to '$user', 'a';\n",
        'alter role "timezone" in database :"target" set "TimeZone" to \'UTC\';\n',
        'revoke all on database :"target" from public, "x";\n',
        'grant CONNECT on database :"target" to public with grant option;\n',
    ]


def test_privileges_that_nobody_changed_are_left_to_the_server_and_none_are_none() -> None:
    for grants, last in ((None, "alter role timezone in database"), ([], "revoke all on database")):
        data = {**DATA, "database": {**DATA["database"], "grants": grants}}
        assert read(json.dumps(data)).later[-1].words.startswith(last)


def test_the_elements_of_a_list_are_told_apart() -> None:
    assert list(elements('"$user", "a,b" , "a "" quote", Plain ,c')) == [
        "$user",
        "a,b",
        'a " quote',
        "Plain",
        "c",
    ]
    assert (list(elements('""')), list(elements(""))) == ([""], [])


def test_who_grants_a_membership_has_got_it_before_and_a_circle_ends() -> None:
    def granted(member: str, grantor: str) -> dict[str, Any]:
        return {"role": "r", "member": member, "grantor": grantor, "admin": True}

    found = in_order([granted("c", "b"), granted("b", "a"), granted("d", "c"), granted("a", "postgres")])
    assert [each["member"] for each in found] == ["a", "b", "c", "d"]
    assert len(list(in_order([granted("b", "a"), granted("a", "b")]))) == 2


def places(data: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inside:
        yield (*path, key)
        yield from places(value, *path, key)


def forged(path: tuple[Any, ...], value: object) -> str:
    data = copy.deepcopy(DATA)
    inside: Any = data
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    "hostile", ["a'\n\\! id\n", 'a"\n\\! id\n', 'a"; select id; --\n', "a'; select id; --\n"]
)
def test_no_text_in_the_globals_becomes_a_statement(hostile: str) -> None:
    understood = 0
    for path in places(DATA):
        try:
            found = read(forged(path, hostile))
        except ValueError:
            continue
        understood += 1
        statements = [*(each for _, each in found.about), *found.first, *found.later]
        sql = "".join(
            [found.create, found.create_elsewhere, *(f"{each.sql}{each.instead}" for each in statements)]
        )
        assert not re.search(r"\bid\b|\\|--", QUOTED.sub("", sql)), path
    assert understood > 25


@pytest.mark.parametrize("odd", [None, [], {}, [[]], {"a": 1}, 1.5, "\0", "\ud800", float("inf")], ids=repr)
def test_what_is_of_another_kind_is_understood_or_refused_and_nothing_else(odd: object) -> None:
    for path in places(DATA):
        try:
            read(forged(path, odd))
        except ValueError:
            continue


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", "{", "[" * 100_000, LINES[0], LINES[1]], ids=range(8)
)
def test_what_lacks_something_cannot_be_understood(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)
