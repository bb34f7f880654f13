"""The databases that a restore creates and marks, refuses to replace, and drops."""

import json
from typing import Any

from quickdata_node.globals_data import STAND_IN, Globals
from quickdata_node.marks import MARKED, MARKING, NOT_OURS
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed
from quickdata_node.statements import restricted

ID = "[0-9a-f]{8}"
NAMED = """from pg_database d where starts_with(datname, :'prefix')
  and substr(datname, length(:'prefix') + 1) ~ ('^' || :'pattern' || '$') and datname <> :'except'"""
SHOW = f"""select case when {MARKED} then format('dropping the database %I', datname) else format(
  'kept the database %I: {NOT_OURS}, in psql: drop database %I;', datname, datname) end
{NAMED} order by datname;
"""
LIST = f"""select coalesce(json_agg(json_build_object('database', datname, 'bytes', pg_database_size(oid))
  order by datname), '[]') {NAMED};
"""
DROP = f"""set client_min_messages = warning;
select format('alter database %I is_template false', datname) {NAMED} and {MARKED} and datistemplate \\gexec
select format('drop database %I with (force)', datname) {NAMED} and {MARKED} \\gexec
"""


def create_database(server: Server, name: str, statement: str) -> None:
    """Create a database by a statement of a backup, and mark it as created by a restore.

    One psql does both, and goes on when this run is killed. So every database that exists has its mark.
    """
    marked = f"{restricted(statement)}{MARKING} where datname = :'target' \\gexec\n"
    server.sql(server.maintenance, marked, "-v", f"target={name}")


def create_scratch(server: Server, name: str, wanted: Globals) -> str:
    """Create a database for a restore; return the locale that replaces its own, or an empty string.

    The machine of a drill may lack the node's locales. Another locale sorts the same rows in another order.
    """
    try:
        create_database(server, name, wanted.create)
    except ServerFailed:
        if not server.config.drill:
            raise
        server.run.log(f"the throwaway server refuses the database's locale: {STAND_IN} replaces it")
        create_database(server, name, wanted.create_elsewhere)
        return STAND_IN
    return ""


def drop_databases(server: Server, prefix: str, pattern: str = "", but: str = "") -> None:
    """Drop the marked databases whose names are exactly a prefix and a match of a pattern.

    A database without a mark stays: somebody else created it, or a run was killed before it set the mark.

    Args:
        server: the server of the databases.
        prefix: beginning of their names, as plain text.
        pattern: rest of their names, as a regular expression.
        but: name of a database that stays.
    """
    names = ("-v", f"prefix={prefix}", "-v", f"pattern={pattern}", "-v", f"except={but}")
    for line in server.sql(server.maintenance, SHOW, *names).split("\n"):
        if line:
            server.run.log(line)
    server.sql(server.maintenance, DROP, *names)


def list_databases(server: Server, prefix: str, pattern: str, but: str = "") -> list[dict[str, Any]]:
    """Return the name and the bytes of each database that `drop_databases` would find, marked or not.

    Raises:
        ServerFailed: the server does not answer.
    """
    names = ("-v", f"prefix={prefix}", "-v", f"pattern={pattern}", "-v", f"except={but}")
    return list(json.loads(server.sql(server.maintenance, LIST, *names)))


def require_free(server: Server, *names: str) -> None:
    """Refuse when a database without a mark has a name that the restore needs."""
    query = f"""select format('%I', datname)
    from pg_database d where datname in (:'one', :'other') and not {MARKED} limit 1"""
    one, other = (*names, "")[:2]
    try:
        taken = server.sql(server.maintenance, query, "-v", f"one={one}", "-v", f"other={other}").rstrip("\n")
    except ServerFailed as error:
        raise Failed("the databases cannot be listed", "the lines above say why") from error
    if taken:
        what = f"a database called {taken} is in the way, and no restore marked it as its own"
        fix = f"rename it (alter database {taken} rename to NEW_NAME;), or drop it if nobody needs it"
        raise Failed(what, fix)


def require_no_prepared(server: Server, *names: str) -> None:
    """Refuse databases with prepared transactions: PostgreSQL cannot rename these databases.

    A prepared transaction does not end when its session ends.
    https://www.postgresql.org/docs/18/sql-prepare-transaction.html
    """
    query = """select format('%I has prepared transactions, the oldest is %L from %s', database,
      (array_agg(gid order by prepared))[1], min(prepared)::timestamptz(0))
    from pg_prepared_xacts where database in (:'one', :'other') group by database limit 1"""
    one, other = (*names, "")[:2]
    try:
        found = server.sql(server.maintenance, query, "-v", f"one={one}", "-v", f"other={other}").rstrip("\n")
    except ServerFailed as error:
        raise Failed("the prepared transactions cannot be listed", "the lines above say why") from error
    if found:
        fix = "in psql, in that database: commit prepared 'NAME', or rollback prepared 'NAME'"
        raise Failed(f"the database {found}, so it cannot be renamed", fix)
