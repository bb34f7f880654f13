"""Whether the bucket takes the WAL that this server writes.

pgBackRest's check finds a WAL segment by its name. On a volume that was made from a snapshot, the server
writes segments again under names that the bucket has already. pgBackRest refuses them, but its check finds
the older ones, and passes. So the server must agree: a segment that was refused still waits there.
"""

import time

from quickdata_node.physical.pgbackrest import PgBackRest
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed

CURRENT = "select pg_walfile_name(pg_current_wal_lsn())"
WAITS = "select count(*) from pg_ls_archive_statusdir() where name = :'segment' || '.ready'"
PATIENCE, LOOK_AGAIN = 30, 0.5
"""Seconds that the server gets to note that a segment is in the bucket, and seconds between two looks."""


def require_taken(server: Server, backrest: PgBackRest) -> None:
    """Make sure that the bucket takes the present WAL segment.

    Raises:
        Failed: no WAL reaches the bucket, or it has another segment of that name.
    """
    try:
        segment = server.sql(server.maintenance, CURRENT).strip()
        backrest.check()
        noted = _is_noted(server, segment)
    except ServerFailed as error:
        raise Failed("the database does not say which WAL is archived", "the lines above say why") from error
    if not noted:
        what = f"the bucket has another WAL segment {segment}, and does not take the one of this database"
        raise Failed(what, "docs/runbook.md, `The volume was made from a snapshot`, has the way on")


def _is_noted(server: Server, segment: str) -> bool:
    """Wait until the server has noted that a segment is in the bucket. Return whether it has."""
    end = time.monotonic() + PATIENCE
    while server.sql(server.maintenance, WAITS, "-v", f"segment={segment}").strip() != "0":
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_AGAIN)
    return True
