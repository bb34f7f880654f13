"""The roles that a backup knows: those that are missing are made, those that are there are never altered.

An old backup must not undo a password rotation.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed
from quickdata_node.statements import one_by_one, refused, shown

IDENTIFIER = r"""("(?:[^"]|"")+"|[^" ;]+)"""  # as pg_dumpall writes it
CREATE = re.compile(rf"CREATE ROLE {IDENTIFIER}")
ABOUT = (
    re.compile(rf"[A-Z ]+ ROLE {IDENTIFIER}"),
    re.compile(rf"GRANT {IDENTIFIER} TO {IDENTIFIER}"),
    re.compile(rf"GRANT [A-Z, ]+ ON PARAMETER {IDENTIFIER} TO {IDENTIFIER}"),
)
"""Statements about roles: attributes, settings, comments, memberships, and grants on parameters."""
GRANTOR = re.compile(rf" GRANTED BY {IDENTIFIER};\n\Z")
MADE = "select json_object_agg(quote_ident(rolname), format('%s %s', oid, xmin)) from pg_authid;\n"
"""What tells a role from another one of its name, and from itself once somebody has altered it."""
DROP = """select format('drop role %I', rolname) from pg_authid
where quote_ident(rolname) = '{}' and format('%s %s', oid, xmin) = '{}' \\gexec
"""
ABOVE = "the lines above say why"
Made = dict[str, str]


def missing(statements: Iterable[str], existing: Iterable[str]) -> list[str]:
    """Return the roles that a backup creates and that are not there, as SQL writes them."""
    there = set(existing)
    created = (CREATE.match(statement) for statement in statements)
    return list(dict.fromkeys(found[1] for found in created if found and found[1] not in there))


def about(statements: Iterable[str], roles: Iterable[str]) -> Iterator[str]:
    """Yield the statements that make some roles what they were, but for those that create them."""
    wanted = set(roles)
    for statement in statements:
        found = next((match for pattern in ABOUT if (match := pattern.match(statement))), None)
        if found and wanted.intersection(found.groups()) and not CREATE.match(statement):
            yield statement


def restore_roles(server: Server, statements: list[str], made: Made, verify: bool) -> list[str]:
    """Make the roles that are missing; returns what was refused of all that they were.

    That they are there is needed, because they own things. The rest is run statement by statement: one may
    name what this server has not.

    Args:
        server: where.
        statements: those of the globals about roles.
        made: gets the roles that have to go again when the restore does not end well.
        verify: whether a name is enough. Such a role cannot log in, and goes at the end. All that a restore
            would run is tried all the same, and taken back.
    """
    new = missing(statements, existing_roles(server))
    if not new:
        return []
    server.run.log(f"creating the missing roles {in_a_line(new)}")
    rest = [attempts(statement) for statement in about(statements, new)]
    back = "rollback to named;\n" if verify else ""
    then = f"savepoint named;\n{one_by_one(rest)}{back}{MADE}commit;\n"
    try:
        printed = server.stored_sql(server.maintenance, f"begin;\n{for_each('create role', new)}", then=then)
        said, known = printed.rstrip("\n").rsplit("\n", 1)
        made.update((role, mark) for role, mark in json.loads(known).items() if role in new)
        return list(refused(rest, said).values())
    except (ServerFailed, ValueError) as error:  # or psql printed less than it should
        raise Failed("roles cannot be created", ABOVE) from error


def attempts(statement: str) -> Sequence[str]:
    """Return a statement, and what is tried in its place when it is refused.

    A membership may have been granted by a role that may not grant it here, such as the superuser there.
    """
    if statement.startswith("GRANT ") and GRANTOR.search(statement):
        return statement, GRANTOR.sub(";\n", statement)
    return (statement,)


def existing_roles(server: Server) -> list[str]:
    """Return the roles that are there, as SQL writes them."""
    query = "select quote_ident(rolname) from pg_roles"
    try:
        return server.sql(server.maintenance, query, "--record-separator-zero").split("\0")
    except ServerFailed as error:
        raise Failed("the roles that are there cannot be listed", ABOVE) from error


def drop_roles(server: Server, made: Made) -> None:
    """Drop roles that were made for a restore that is not to stay, unless somebody has altered them since."""
    if not made:
        return
    server.run.log(f"dropping the roles that were made for this restore: {in_a_line(made)}")
    marked = (DROP.format(role.replace("'", "''"), mark) for role, mark in made.items())
    server.sql(server.maintenance, "".join(marked))
    stay = set(made).intersection(existing_roles(server))
    if stay:
        server.run.log(f"kept {in_a_line(sorted(stay))}: somebody has altered what was made for this restore")


def for_each(command: str, roles: Iterable[str]) -> str:
    """Return a statement for each of some roles."""
    return "".join(f"{command} {role};\n" for role in roles)


def in_a_line(roles: Collection[str]) -> str:
    """Return names for a line of the log."""
    return shown(" ".join(roles))
