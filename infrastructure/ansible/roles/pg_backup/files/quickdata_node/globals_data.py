"""The globals, which a dump leaves out: all roles, and the database's creation, settings and grants.

S3 holds them as lines of JSON. A restore turns them into SQL: this module quotes each name and each value,
and writes every other word itself.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from quickdata_node.parameters import MEANT, Parameters
from quickdata_node.server import Server
from quickdata_node.statements import Statement, identifier, literal

FILE = "globals.json.zst"
ROLES, DATABASE = (
    Path(__file__).with_name(f"{what}.sql").read_text(encoding="utf-8") for what in ("roles", "database")
)
STAND_IN = "C.UTF-8"
"""A locale that every machine has, for a drill where the database's own locale is missing."""
TARGET = ':"target"'
"""The database that a statement is about: a variable of psql."""
ATTRIBUTES = ("superuser", "inherit", "createrole", "createdb", "login", "replication", "bypassrls")
LOCALES = {"libc": "", "icu": " icu_locale", "builtin": " builtin_locale"}
PRIVILEGES = ("CREATE", "CONNECT", "TEMPORARY", "SET", "ALTER SYSTEM")
LISTS = ("search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries")
"""Settings that are lists: SET takes each element as a literal."""
ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^,\s][^,]*)')
"""One element of a list. SET FROM CURRENT stores the list as its owner wrote it."""


@dataclass(frozen=True)
class Globals:
    """The names and statements that a restore needs beside the dump.

    Args:
        roles: names of all roles.
        about: statements that restore the roles' properties, each with the roles that it names.
        create: statement that creates the database.
        create_elsewhere: statement that creates the database where its locale is missing.
        first: settings that constraints and materialized views depend on.
        later: other settings, owner and grants, for after the proof.
        dump: parameters that the dump was written with, beside those of all sessions.
    """

    roles: Sequence[str]
    about: Sequence[tuple[frozenset[str], Statement]]
    create: str
    create_elsewhere: str
    first: Sequence[Statement]
    later: Sequence[Statement]
    dump: Parameters = field(default_factory=dict)


# --- a backup writes them ---


def programs(server: Server, database: str) -> Sequence[Callable[[], Popen[bytes]]]:
    """Return functions that start the programs for the globals; they run one after the other."""
    return (
        lambda: server.start_sql(server.maintenance, ROLES, stdout=PIPE),
        lambda: server.start_sql(database, DATABASE, stdout=PIPE),
    )


# --- a restore reads them: the text is hostile until checked ---


def read(text: str) -> Globals:
    """Return the names and statements for a restore.

    Raises:
        ValueError: the text does not have the form that a backup writes.
    """
    data: dict[str, Any] = {}
    try:
        for line in text.rstrip("\n").split("\n"):
            data |= json.loads(line)
        return _read(data)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("no backup writes globals like these") from error


def _read(data: dict[str, Any]) -> Globals:
    database = data["database"]
    settings = database["settings"]
    first = [each for each in settings if each["role"] is None and each["name"].lower() in MEANT]
    later = [each for each in settings if each not in first]
    return Globals(
        [each["name"] for each in data["roles"]],
        list(about_roles(data)),
        create(database, database["collate"], database["ctype"]),
        create(database, STAND_IN, STAND_IN),
        list(map(set_in_database, first)),
        [*belongings(database), *map(set_in_database, later), *grants(database)],
    )


def about_roles(data: dict[str, Any]) -> Iterator[tuple[frozenset[str], Statement]]:
    """Yield the statements that restore the roles' properties, with the roles that each one names."""
    for role in data["roles"]:
        for statement in about_role(role):
            yield frozenset([role["name"]]), statement
    for each in in_order(data["memberships"]):
        yield frozenset([each["role"], each["member"]]), membership(each)
    for each in data["parameters"]:
        on = f"parameter {identifier(each['parameter'])}"
        yield frozenset([each["to"]]), grant(each, on, f"parameter {each['parameter']}")


def about_role(role: dict[str, Any]) -> Iterator[Statement]:
    """Yield the statements for a role's attributes and password, its comment and its settings."""
    name = identifier(role["name"])
    attributes = " ".join(each if role[each] else f"no{each}" for each in ATTRIBUTES)
    limit = f"connection limit {role['connection_limit']:d}"
    given = {"password": role["password"], "valid until": role["valid_until"]}
    values = "".join(f" {each} {literal(value)}" for each, value in given.items() if value is not None)
    words = f"with {attributes} {limit}"
    yield Statement(f"alter role {name} {words}{values};\n", f"alter role {role['name']} {words}")
    if (comment := role["comment"]) is not None:
        sql = f"comment on role {name} is {literal(comment)};\n"
        yield Statement(sql, f"comment on role {role['name']}")
    for each in role["settings"]:
        yield setting(each, f"role {name}", f"role {role['name']}")


def in_order(memberships: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield memberships in an order in which every grantor already has the admin option."""
    waiting = list(memberships)
    while waiting:
        later = {(each["role"], each["member"]) for each in waiting if each["admin"]}
        now = [each for each in waiting if (each["role"], each["grantor"]) not in later]
        yield from now or waiting
        waiting = [each for each in waiting if (each["role"], each["grantor"]) in later] if now else []


def membership(each: dict[str, Any]) -> Statement:
    """Return the statement that grants a membership.

    The original grantor may lack the right to grant it on this server, for example the other server's
    superuser. Then the statement is tried without the grantor.
    """
    options = ", ".join(f"{name} {'true' if each[name] else 'false'}" for name in ("admin", "inherit", "set"))
    sql = f"grant {identifier(each['role'])} to {identifier(each['member'])} with {options}"
    words = f"grant {each['role']} to {each['member']}"
    return Statement(f"{sql} granted by {identifier(each['grantor'])};\n", words, f"{sql};\n")


def create(database: dict[str, Any], collate: str, ctype: str) -> str:
    """Return the statement that creates the database."""
    words = [
        f"create database {TARGET} template template0 encoding {literal(database['encoding'])}",
        f" lc_collate {literal(collate)} lc_ctype {literal(ctype)}",
        f" locale_provider {literal(database['provider'])}",
    ]
    if option := LOCALES[database["provider"]]:
        words.append(f"{option} {literal(database['locale'])}")
    if database["icu_rules"] is not None:
        words.append(f" icu_rules {literal(database['icu_rules'])}")
    return f"{''.join(words)};\n"


def belongings(database: dict[str, Any]) -> Iterator[Statement]:
    """Yield the statements that set the database's owner, connection limit and comment."""
    owner, limit = database["owner"], f"connection limit {database['connection_limit']:d}"
    sql = f"alter database {TARGET} owner to {identifier(owner)};\n"
    yield Statement(sql, f"alter database owner to {owner}")
    yield Statement(f"alter database {TARGET} {limit};\n", f"alter database {limit}")
    if database["comment"] is not None:
        sql = f"comment on database {TARGET} is {literal(database['comment'])};\n"
        yield Statement(sql, "comment on database")


def set_in_database(each: dict[str, Any]) -> Statement:
    """Return the statement that sets a parameter in the database, for all roles or for one."""
    if each["role"] is None:
        return setting(each, f"database {TARGET}", "database")
    who = f"role {identifier(each['role'])} in database {TARGET}"
    return setting(each, who, f"role {each['role']} in database")


def setting(each: dict[str, Any], of: str, words: str) -> Statement:
    """Return the statement that sets a parameter."""
    name, value = each["name"], literal(each["value"])
    if name.lower() in LISTS:
        value = ", ".join(map(literal, elements(each["value"]))) or "''"
    return Statement(f"alter {of} set {identifier(name)} to {value};\n", f"alter {words} set {name}")


def elements(value: str) -> Iterator[str]:
    """Yield the elements of a list, from the form that a server stores."""
    for quoted, plain in ELEMENT.findall(value):
        yield plain.rstrip(" ") or quoted.replace('""', '"')


def grants(database: dict[str, Any]) -> Iterator[Statement]:
    """Yield the statements for the database's privileges, if they differ from PostgreSQL's defaults."""
    if database["grants"] is not None:
        owner, on = database["owner"], f"database {TARGET}"
        yield Statement(f"revoke all on {on} from public, {identifier(owner)};\n", "revoke all on database")
        for each in database["grants"]:
            yield grant(each, on, "database")


def grant(each: dict[str, Any], on: str, words: str) -> Statement:
    """Return the statement that grants a privilege to a role, or to all roles."""
    privilege, to = each["privilege"], each["to"]
    if privilege not in PRIVILEGES:
        raise ValueError(privilege)
    sql = f"grant {privilege} on {on} to {'public' if to is None else identifier(to)}"
    option = " with grant option" if each["grantable"] else ""
    return Statement(f"{sql}{option};\n", f"grant {privilege} on {words} to {to or 'public'}")
