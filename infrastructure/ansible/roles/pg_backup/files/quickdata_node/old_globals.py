"""The globals of format 1, which are SQL: pg_dumpall's roles, then how the database was created and set up.

Their statements are told apart, and known by how pg_dumpall and the scripts wrote them.
"""

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from quickdata_node.globals_data import STAND_IN, Globals
from quickdata_node.parameters import MEANT
from quickdata_node.statements import WHOLE, Statement

MARK = re.compile(r"-- quickdata: (.*)\n")
PSQLS = re.compile(r"\\[^\n]*\n")
VALUE = re.compile(r" (?:to|is|TO|IS|PASSWORD) '", re.DOTALL)
"""What begins a value, which may be a secret, or long."""
IDENTIFIER = r"""("(?:[^"]|"")+"|[^" ;]+)"""
CREATE = re.compile(rf"CREATE ROLE {IDENTIFIER}")
ABOUT = (
    re.compile(rf"[A-Z ]+ ROLE {IDENTIFIER}"),
    re.compile(rf"GRANT {IDENTIFIER} TO {IDENTIFIER}"),
    re.compile(rf"GRANT [A-Z, ]+ ON PARAMETER {IDENTIFIER} TO {IDENTIFIER}"),
)
"""Statements about roles: attributes, settings, comments, memberships, and grants on parameters."""
GRANTOR = re.compile(rf" GRANTED BY {IDENTIFIER};\n\Z")
LOCALE = re.compile(r" lc_(collate|ctype) '[^']*'")
SETTING = re.compile(r"""alter database :"target" set "?([^ "]+)"? to '([^']*)'""")


def read(text: str) -> Globals:
    """Return what a restore does.

    Raises:
        ValueError: it cannot be understood.
    """
    parts = split(text)
    create, settings = "".join(parts["create"]), parts["settings"]
    return Globals(
        list(created(parts["roles"])),
        list(about(parts["roles"])),
        create,
        LOCALE.sub(rf" lc_\1 '{STAND_IN}'", create),
        [said(each) for each in settings if is_meant(each)],
        [said(each) for each in settings if not is_meant(each)],
        {"lc_monetary": monetary(settings)},
    )


def split(text: str) -> dict[str, list[str]]:
    """Return the statements by the part that they are in: roles, create, settings.

    Only where a statement may begin is a line a mark, a comment or psql's own: a comment on the database is
    anybody's text.

    Raises:
        ValueError: the last statement has no end, or a line is psql's where pg_dumpall writes none.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    part, statement = "roles", ""
    for line in io.StringIO(text, newline="\n"):
        if not statement:
            mark = MARK.fullmatch(line)
            if mark:
                part = mark[1]
            if line == "\n" or line.startswith("--"):
                continue
        statement += line
        if WHOLE.fullmatch(statement) or (part == "roles" and PSQLS.fullmatch(statement)):
            parts[part].append(statement)
            statement = ""
    if statement:
        raise ValueError(statement)
    return parts


def created(statements: Iterable[str]) -> Iterator[str]:
    """Yield the names of the roles that are created."""
    for statement in statements:
        if found := CREATE.match(statement):
            yield unquoted(found[1])


def about(statements: Iterable[str]) -> Iterator[tuple[frozenset[str], Statement]]:
    """Yield what makes roles what they were, with the roles that it is about."""
    for statement in statements:
        found = next((match for pattern in ABOUT if (match := pattern.match(statement))), None)
        if found and not CREATE.match(statement):
            yield frozenset(map(unquoted, found.groups())), said(statement)


def unquoted(written: str) -> str:
    """Return the name that an identifier stands for."""
    return written[1:-1].replace('""', '"') if written.startswith('"') else written


def said(statement: str) -> Statement:
    """Return a statement with how it is called.

    A membership may have been granted by a role that may not grant it here, such as the superuser there.
    """
    words = VALUE.split(statement)[0].replace(' :"target"', "").rstrip(";\n")
    granted = statement.startswith("GRANT ") and GRANTOR.search(statement)
    return Statement(statement, words, GRANTOR.sub(";\n", statement) if granted else "")


def is_meant(statement: str) -> bool:
    """Return whether a statement sets what constraints and materialized views go by."""
    found = SETTING.match(statement)
    return found is not None and found[1].lower() in MEANT


def monetary(settings: Sequence[str]) -> str | None:
    """Return how the dump writes money, which is as the database did; None is as the server does."""
    found = (match for match in map(SETTING.match, settings) if match)
    return next((each[2] for each in found if each[1] == "lc_monetary"), None) or None
