"""The globals of format 1, which are SQL: pg_dumpall's roles, then the database's creation and settings.

This module splits the SQL into statements. It recognizes each by the form that pg_dumpall and the scripts
gave it.
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
"""The beginning of a value, which may be secret, or long."""
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
    """Return the names and statements for a restore.

    Raises:
        ValueError: the text does not have the form that a backup writes.
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
    """Return the statements by part: roles, create, settings.

    A line is a mark, a comment or a psql command only where a statement may begin. Inside a statement it may
    be text, such as a comment on the database, which anybody may have written.

    Raises:
        ValueError: the last statement has no end, or a psql command stands where pg_dumpall writes none.
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
    """Yield the statements that restore the roles' properties, with the roles that each one names."""
    for statement in statements:
        found = next((match for pattern in ABOUT if (match := pattern.match(statement))), None)
        if found and not CREATE.match(statement):
            yield frozenset(map(unquoted, found.groups())), said(statement)


def unquoted(written: str) -> str:
    """Return the name in an identifier, without SQL's quotes."""
    return written[1:-1].replace('""', '"') if written.startswith('"') else written


def said(statement: str) -> Statement:
    """Return a statement with its words for the log.

    The original grantor of a membership may lack the right to grant it on this server, for example the other
    server's superuser. Then the statement is tried without the grantor.
    """
    words = VALUE.split(statement)[0].replace(' :"target"', "").rstrip(";\n")
    granted = statement.startswith("GRANT ") and GRANTOR.search(statement)
    return Statement(statement, words, GRANTOR.sub(";\n", statement) if granted else "")


def is_meant(statement: str) -> bool:
    """Return whether a statement sets a parameter that constraints and materialized views depend on."""
    found = SETTING.match(statement)
    return found is not None and found[1].lower() in MEANT


def monetary(settings: Sequence[str]) -> str | None:
    """Return the lc_monetary of the dump, which is the database's; None means the server's."""
    found = (match for match in map(SETTING.match, settings) if match)
    return next((each[2] for each in found if each[1] == "lc_monetary"), None) or None
