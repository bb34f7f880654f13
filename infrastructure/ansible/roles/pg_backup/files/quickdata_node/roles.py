"""The roles that a backup knows: those that are missing are made, those that are there are never altered.

An old backup must not undo a password rotation.
"""

import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed

MARK = re.compile(r"-- quickdata: (.*)\n")
WHOLE = re.compile(r"""(?:[^;"']|"[^"]*"|'[^']*')*+;\n""")
PSQLS = re.compile(r"\\[^\n]*\n")
IDENTIFIER = r"""("(?:[^"]|"")+"|[^" ;]+)"""  # as pg_dumpall writes it
CREATE = re.compile(rf"CREATE ROLE {IDENTIFIER}")
ABOUT = (
    re.compile(rf"[A-Z ]+ ROLE {IDENTIFIER}"),
    re.compile(rf"GRANT {IDENTIFIER} TO {IDENTIFIER}"),
    re.compile(rf"GRANT [A-Z, ]+ ON PARAMETER {IDENTIFIER} TO {IDENTIFIER}"),
)
"""Statements about roles: attributes, settings, comments, memberships, and grants on parameters."""
ABOVE = "the lines above say why"


def split(text: str) -> dict[str, list[str]]:
    """Return the statements of the globals by the part that they are in: roles, create, settings.

    Only where a statement may begin is a line a mark, a comment or psql's own: a comment on the database is
    anybody's text.

    Raises:
        ValueError: the last statement has no end.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    part, statement = "roles", ""
    for line in io.StringIO(text, newline="\n"):
        if not statement:
            mark = MARK.fullmatch(line)
            part = mark[1] if mark else part
            if line == "\n" or line.startswith("--"):  # a mark too
                continue
        statement += line
        if WHOLE.fullmatch(statement) or PSQLS.fullmatch(statement):
            parts[part].append(statement)
            statement = ""
    if statement:
        raise ValueError(statement)
    return parts


def missing(statements: Iterable[str], existing: Iterable[str]) -> list[str]:
    """Return the roles that a backup creates and that are not there, as SQL writes them."""
    there = set(existing)
    created = (CREATE.match(statement) for statement in statements)
    return list(dict.fromkeys(found[1] for found in created if found and found[1] not in there))


def about(statements: Iterable[str], roles: Iterable[str]) -> Iterator[str]:
    """Yield the statements that make some roles what they were."""
    wanted = set(roles)
    for statement in statements:
        found = next((match for pattern in ABOUT if (match := pattern.match(statement))), None)
        if found and wanted.intersection(found.groups()):
            yield statement


def restore_roles(server: Server, statements: list[str], made: list[str], verify: bool) -> None:
    """Make the roles that are missing.

    Args:
        server: where.
        statements: those of the globals about roles.
        made: gets the roles that have to go again when the restore does not end well.
        verify: whether a name is enough, because it owns things. Such a role cannot log in, and goes at the
            end. All that a restore would run is tried all the same, and taken back.
    """
    new = missing(statements, existing_roles(server))
    if not new:
        return
    server.run.log(f"creating the missing roles {shown(new)}")
    text = "".join(about(statements, new))
    if verify:
        text = f"savepoint none;\n{text}rollback to none;\n" + for_each("create role", new)
    made += new
    try:
        server.stored_sql(server.maintenance, text, "--single-transaction")
    except ServerFailed as error:
        made.clear()  # a role of that name would be somebody's
        raise Failed("roles cannot be created", ABOVE) from error


def existing_roles(server: Server) -> list[str]:
    """Return the roles that are there, as SQL writes them."""
    query = "select quote_ident(rolname) from pg_roles"
    try:
        return server.sql(server.maintenance, query, "--record-separator-zero").split("\0")
    except ServerFailed as error:
        raise Failed("the roles that are there cannot be listed", ABOVE) from error


def drop_roles(server: Server, roles: Collection[str]) -> None:
    """Drop roles that were made for a restore that is not to stay."""
    if not roles:
        return
    server.run.log(f"dropping the roles that were made for this restore: {shown(roles)}")
    server.stored_sql(server.maintenance, for_each("drop role if exists", roles))


def for_each(command: str, roles: Iterable[str]) -> str:
    """Return a statement for each of some roles."""
    return "".join(f"{command} {role};\n" for role in roles)


def shown(roles: Iterable[str]) -> str:
    """Return names for a line of the log."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", " ".join(roles))
