"""The roles in a backup. A restore creates the missing ones, and never alters existing ones.

An old backup must not undo a password rotation.
"""

import json
from collections.abc import Collection, Iterable

from quickdata_node.globals_data import Globals
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed
from quickdata_node.statements import identifier, literal, one_by_one, refused, restricted, shown

MADE = "select json_object_agg(rolname, format('%s %s', oid, xmin)) from pg_authid;\n"
"""SQL: a mark for each role. A changed role has another mark, and so has another role of the same name."""
DROP = """select format('drop role %I', rolname) from pg_authid
where rolname = {} and format('%s %s', oid, xmin) = '{}' \\gexec
"""
ABOVE = "the lines above say why"
Made = dict[str, str]


def missing(roles: Iterable[str], existing: Iterable[str]) -> list[str]:
    """Return the backup's roles that do not exist here."""
    there = set(existing)
    return [role for role in dict.fromkeys(roles) if role not in there]


def restore_roles(server: Server, wanted: Globals, made: Made, verify: bool) -> list[str]:
    """Create the missing roles; return a line for each of their statements that the server refused.

    The roles themselves are needed, because they own objects. Their other statements run one by one: one of
    them may name something that this server lacks.

    Args:
        server: the server.
        wanted: the globals of the backup.
        made: receives the new roles and their marks. They are dropped if the restore fails.
        verify: whether to create only the names. Such roles cannot log in, and are dropped at the end. The
            other statements are tried, as in a restore, and rolled back.
    """
    new = missing(wanted.roles, existing_roles(server))
    if not new:
        return []
    server.run.log(f"creating the missing roles {in_a_line(new)}")
    rest = [statement for roles, statement in wanted.about if roles.intersection(new)]
    back = "rollback to named;\n" if verify else ""
    create = "".join(f"create role {identifier(role)};\n" for role in new)
    then = f"savepoint named;\n{one_by_one(rest)}{back}{MADE}commit;\n"
    try:
        printed = server.sql(server.maintenance, f"begin;\n{restricted(create)}{then}")
        said, known = printed.rstrip("\n").rsplit("\n", 1)
        made.update((role, mark) for role, mark in json.loads(known).items() if role in new)
        return list(refused(rest, said).values())
    except (ServerFailed, ValueError) as error:  # or psql printed less than it should
        raise Failed("roles cannot be created", ABOVE) from error


def existing_roles(server: Server) -> list[str]:
    """Return the names of the existing roles."""
    query = "select rolname from pg_roles"
    try:
        return server.sql(server.maintenance, query, "--record-separator-zero").split("\0")
    except ServerFailed as error:
        raise Failed("the existing roles cannot be listed", ABOVE) from error


def drop_roles(server: Server, made: Made) -> None:
    """Drop the roles that this restore created, unless they were changed since."""
    if not made:
        return
    server.run.log(f"dropping the roles that were made for this restore: {in_a_line(made)}")
    marked = (DROP.format(literal(role), mark) for role, mark in made.items())
    server.sql(server.maintenance, "".join(marked))
    stay = set(made).intersection(existing_roles(server))
    if stay:
        server.run.log(
            f"kept {in_a_line(sorted(stay))}: somebody has altered them since this restore made them"
        )


def in_a_line(roles: Collection[str]) -> str:
    """Return names for a line of the log."""
    return shown(" ".join(roles))
