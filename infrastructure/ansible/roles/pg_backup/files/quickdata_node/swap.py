"""Swaps the restored and compared database and attachments in, in place of the live ones."""

import secrets
import subprocess
from contextlib import ExitStack

from quickdata_node.attachments import Swap
from quickdata_node.databases import ID, drop_databases
from quickdata_node.marks import MARKED, MARKING
from quickdata_node.run import Failed
from quickdata_node.server import Server, ServerFailed

RENAME = f"""begin;
set local lock_timeout = '30s';
select format('alter database %I rename to %I', datname, :'spare') from pg_database d
  where datname = :'kept' and {MARKED} \\gexec
select format('alter database %I rename to %I', :'live', :'kept')
  where exists (select from pg_database where datname = :'live') \\gexec
select format('alter database %I rename to %I', :'scratch', :'live') \\gexec
select format('alter database %I reset quickdata.mark', :'live') \\gexec
select format('alter database %I is_template %s', :'live', :'template') \\gexec
{MARKING} where datname in (:'kept', :'spare') \\gexec
commit;
"""
DISCONNECT = """select (
  select count(pg_terminate_backend(pid)) from pg_stat_activity
  where datname in (:'live', :'scratch', :'kept'))
where exists (select from pg_database where datname = :'scratch') \\watch interval=0.05 min_rows=1 count=600
"""
"""SQL that ends all sessions of these databases, again and again, until the scratch database has its new
name. A rename waits 5 s for other sessions to end. After half a minute the loop ends in any case: if the swap
was killed, it must not end sessions for ever."""
ABOVE = "the lines above say why"


def swap(
    server: Server, scratch: str, kept: str, files: Swap | None, undo: ExitStack, is_template: bool
) -> None:
    """Swap the attachments and the databases. No signal stops the swap halfway.

    The attachments go first, because they can be moved back. The databases follow in one transaction.

    Args:
        server: the server.
        scratch: name of the restored database.
        kept: new name for the live database.
        files: the attachments; None when there are none.
        undo: removals of everything that the restore created, for a failure.
        is_template: whether the database becomes a template, which PostgreSQL does not drop.
    """
    server.run.hold_signals()
    live = server.config.database
    _swap_attachments(server, files)
    _swap_databases(server, scratch, kept, files, is_template)
    undo.pop_all()  # the restored database is live now: nothing is undone any more
    server.run.log(f"{live} is restored")


def _swap_attachments(server: Server, files: Swap | None) -> None:
    if files:
        try:
            files.do()
        except OSError as error:
            _put_back(server, files, "the attachments", error)


def _swap_databases(server: Server, scratch: str, kept: str, files: Swap | None, is_template: bool) -> None:
    """Rename both databases in one transaction, while a second session ends all other sessions."""
    spare = f"{server.config.database}_before_{secrets.token_hex(4)}"
    names = {"live": server.config.database, "scratch": scratch, "kept": kept, "spare": spare}
    names["template"] = str(is_template).lower()
    options = [word for name, value in names.items() for word in ("-v", f"{name}={value}")]
    restored = _number(server, scratch)
    try:
        ends = server.start_sql(server.maintenance, DISCONNECT, *options, stdout=subprocess.DEVNULL)
        server.sql(server.maintenance, RENAME, *options)
        ends.wait()
    except ServerFailed as error:
        if not restored or _number(server, names["live"]) != restored:  # otherwise only the answer was lost
            _put_back(server, files, "the databases", error)
        server.run.log("but the databases are swapped")


def _number(server: Server, database: str) -> str:
    """Return the number (OID) of a database, which a rename does not change; an empty string if unknown."""
    query = "select oid from pg_database where datname = :'database'"
    try:
        return server.sql(server.maintenance, query, "-v", f"database={database}").strip()
    except ServerFailed:
        return ""


def _put_back(server: Server, files: Swap | None, what: str, error: Exception) -> None:
    """Move the attachments back if possible, and fail."""
    if files:
        try:
            files.undo()
        except OSError as trouble:
            where = f"the live database has not changed, its attachments are in {files.aside}"
            fix = f"move them back into {server.config.attachments} by hand"
            raise Failed(f"{what} cannot be swapped; {where}", fix) from trouble
    raise Failed(f"{what} cannot be swapped, nothing live has changed", ABOVE) from error


def remove_older(server: Server, kept: str, files: Swap | None) -> None:
    """Remove the databases and attachments of earlier restores."""
    live = server.config.database
    try:
        if files:
            files.keep(server.run)
    except OSError as error:
        what = (
            f"the restore stands, but older attachments beside {server.config.attachments} cannot be removed"
        )
        raise Failed(what, "remove them by hand") from error
    try:
        drop_databases(server, f"{live}_before_", ID, but=kept)
    except ServerFailed as error:
        what = f"the restore stands, but an older {live}_before_ database cannot be dropped"
        raise Failed(what, "drop it by hand, its subscriptions first") from error
