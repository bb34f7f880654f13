"""Whether the bucket takes the WAL that this server writes.

pgBackRest's check finds a WAL segment by its name. On a volume that was made from a snapshot, the server
writes segments again under names that the bucket has already. pgBackRest refuses them, but its check finds
the older ones, and passes. So the server must agree: a segment that was refused still waits there.

A segment of a server that is well may wait, too. pgBackRest uploads many segments at once, and the server
notes them one by one. While it notes some, nothing is proven.
"""

import time

from quickdata_node.physical.pgbackrest import PgBackRest
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed

CURRENT = "select pg_walfile_name(pg_current_wal_lsn())"
LOOK = """
    select (select count(*) from pg_ls_archive_statusdir() where name = :'segment' || '.ready'),
        archived_count
    from pg_stat_archiver
"""
PATIENCE, LONGEST, LOOK_AGAIN = 30, 300, 0.5
"""Seconds that the server gets to note a segment, and seconds in all. Seconds between two looks."""


def require_taken(server: Server, backrest: PgBackRest) -> None:
    """Make sure that the bucket takes the present WAL segment.

    Raises:
        Failed: no WAL reaches the bucket, or the server does not note that the present segment is there.
    """
    try:
        segment = server.sql(server.maintenance, CURRENT).strip()
        backrest.check()
        noted = _is_noted(server, segment)
    except ServerFailed as error:
        raise Failed("the database does not say which WAL is archived", "the lines above say why") from error
    if not noted:
        what = (
            f"the bucket has a WAL segment {segment}, but the server has not noted its own as archived:"
            " archiving lags, or the volume was made from a snapshot"
        )
        raise Failed(what, "docs/runbook.md, `Archiving fails`, tells the two apart")


def _is_noted(server: Server, segment: str) -> bool:
    """Wait until the server has noted that a segment is in the bucket. Return whether it has.

    The patience begins again whenever the server has noted another segment.
    """
    began = moved = time.monotonic()
    before = ""
    while True:
        waits, archived = server.sql(server.maintenance, LOOK, "-v", f"segment={segment}").strip().split("|")
        if waits == "0":
            return True
        now = time.monotonic()
        if archived != before:
            before, moved = archived, now
        if now - moved > PATIENCE or now - began > LONGEST:
            return False
        time.sleep(LOOK_AGAIN)
