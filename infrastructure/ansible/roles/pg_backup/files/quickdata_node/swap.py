"""Puts what was restored and compared in the place of what is live."""

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
"""Ends by itself when the scratch database has got its new name; after half a minute (a rename waits 5 s for
others to go) also when a kill took the swap: it must not go on for ever, ending everybody's sessions."""
ABOVE = "the lines above say why"


def swap(
    server: Server, scratch: str, kept: str, files: Swap | None, undo: ExitStack, is_template: bool
) -> None:
    """Swap attachments and databases. Nothing stops it halfway.

    The attachments go first, because they can go back: the databases' swap is one transaction. What was live
    before goes last.

    Args:
        server: where the databases are.
        scratch: what was restored.
        kept: what the live one is called then.
        files: the attachments; None when there are none.
        undo: what is done when it fails: all that was made is removed.
        is_template: whether others may be made after the database: such a one cannot be dropped.
    """
    server.run.hold_signals()
    live = server.config.database
    _swap_attachments(server, files)
    _swap_databases(server, scratch, kept, files, is_template)
    undo.pop_all()  # what was made is what is live
    server.run.log(f"{live} is restored")
    _remove_older(server, kept, files)


def _swap_attachments(server: Server, files: Swap | None) -> None:
    if files:
        try:
            files.do()
        except OSError as error:
            _put_back(server, files, "the attachments", error)


def _swap_databases(server: Server, scratch: str, kept: str, files: Swap | None, is_template: bool) -> None:
    """Rename both in one transaction, while a second session ends whoever is connected or connects again."""
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
        if not restored or _number(server, names["live"]) != restored:  # else only the answer was lost
            _put_back(server, files, "the databases", error)
        server.run.log("the databases are swapped all the same")


def _number(server: Server, database: str) -> str:
    """Return the number of a database, which another name does not change; nothing when there is none."""
    query = "select oid from pg_database where datname = :'database'"
    try:
        return server.sql(server.maintenance, query, "-v", f"database={database}").strip()
    except ServerFailed:
        return ""


def _put_back(server: Server, files: Swap | None, what: str, error: Exception) -> None:
    """Fail, with the attachments where they were if they can be moved."""
    if files:
        try:
            files.undo()
        except OSError as trouble:
            where = f"the live database is as it was, its attachments are in {files.aside}"
            fix = f"move those back into {server.config.attachments} by hand"
            raise Failed(f"{what} cannot be swapped; {where}", fix) from trouble
    raise Failed(f"{what} cannot be swapped, all that is live is as it was", ABOVE) from error


def _remove_older(server: Server, kept: str, files: Swap | None) -> None:
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
