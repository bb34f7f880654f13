"""The room that a server has for locks: pg_dump, and what counts beside it, lock each table."""

from quickdata_node.server import Server, ServerFailed

ROOM = """select count(*), current_setting('max_locks_per_transaction')::int,
  current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int
from pg_class where relkind in ('r', 'p')
  and relnamespace::regnamespace::text !~ '^(pg_|information_schema$)';
"""
SPARE = 2
"""Times what the tables take: others lock too, and a restore locks indexes."""


def advise(server: Server, database: str) -> str:
    """Return the setting to change where a server has no room for a lock on each table; nothing elsewhere.

    https://www.postgresql.org/docs/18/runtime-config-locks.html: the room is max_locks_per_transaction times
    the sessions and the prepared transactions that there may be, and it is made when the server starts.
    """
    try:
        tables, locks, sessions = map(int, server.sql(database, ROOM).strip().split("|"))
    except ServerFailed:
        return ""
    if tables <= locks * sessions:
        return ""
    enough = -(-SPARE * tables // sessions)
    return (
        f"{tables} tables need more locks: set max_locks_per_transaction to {enough}, and restart PostgreSQL"
    )
