"""The server's room for locks: pg_dump and the session that counts lock each table."""

from quickdata_node.server import Server, ServerFailed

ROOM = """select count(*), current_setting('max_locks_per_transaction')::int,
  current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int
from pg_class where relkind in ('r', 'p')
  and relnamespace::regnamespace::text !~ '^(pg_|information_schema$)';
"""
SPARE = 2
"""Factor on the tables' locks: other sessions take locks too, and a restore locks indexes."""


def advise(server: Server, database: str) -> str:
    """Return the setting to change if a server lacks room for a lock on each table; otherwise nothing.

    https://www.postgresql.org/docs/18/runtime-config-locks.html: the room is max_locks_per_transaction times
    the sum of max_connections and max_prepared_transactions. The server reserves it when it starts.
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
