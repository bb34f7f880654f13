"""Whether a recovery to the end of the WAL really ended there.

PostgreSQL takes a WAL segment that it cannot fetch or read for the end of the WAL, and opens the server
without a word. A recovery to a time or to a point needs no such check: PostgreSQL refuses to end before it.
"""

from quickdata_node.physical.choice import Choice
from quickdata_node.physical.throwaway import Throwaway
from quickdata_node.physical.timelines import read_parents
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed

HISTORY = "select pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history')"
"""SQL for the history of the recovered server's timeline: its last line says where the recovery ended."""
ABOVE = "the lines above say why"


def require_end(server: Server, throwaway: Throwaway, choice: Choice) -> None:
    """Make sure that a recovery to the end of the WAL has replayed the newest segment in the repository.

    The newest segment is compared with its checksum. If it is whole, the recovery ended where its WAL ends.

    Raises:
        Failed: the recovery ended earlier; the message says where, and which moments can be recovered.
    """
    newest = choice.last
    if not (choice.moment.latest and newest):
        return
    if find_end(server) <= newest.first_byte:
        raise _early(throwaway, f"the recovery ended before the newest WAL segment, {newest.name}")
    if throwaway.checksum(newest.name) != newest.sha1:
        raise _early(throwaway, f"the newest WAL segment, {newest.name}, is damaged in the bucket")


def find_end(server: Server) -> int:
    """Return the LSN where the recovery ended, as a number of bytes.

    Raises:
        Failed: the server does not say it.
    """
    try:
        return list(read_parents(server.sql(server.maintenance, HISTORY)).values())[-1]
    except (ServerFailed, IndexError) as error:
        raise Failed("the recovered server does not say where its recovery ended", ABOVE) from error


def _early(throwaway: Throwaway, what: str) -> Failed:
    last = throwaway.last_transaction()
    until = f"recover to a time before {last}, its last transaction" if last else "choose an earlier moment"
    fix = f"run it again, in case S3 failed; if it ends there again, {until}"
    return Failed(what, f"{fix}; the live database was not touched")
