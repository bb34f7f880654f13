"""The one database that a recovery brings back: its scratch database, the note about it, and the swap.

The note is a file of the node. It is written before the scratch database is created, so that the next run
finds what a killed run left. When all is compared, it gets the scratch database's number: this one, and no
other database of that name, may go live. After the swap the note stays until the next run: it says that this
recovery is live.
"""

import json
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from quickdata_node import databases, outcome
from quickdata_node.config import LONGEST, Config
from quickdata_node.physical.swap import release
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, ServerFailed, find_server
from quickdata_node.statements import shown
from quickdata_node.swap import swap

FILE = "into.json"
BYTES = "select pg_database_size(oid) from pg_database where datname = :'database';\n"
NUMBER = "select oid from pg_database where datname = :'database';\n"


@dataclass(frozen=True)
class Ready:
    """A database that comes back by itself.

    Args:
        database: its name.
        id: the id of its recovery.
        number: number (OID) of the scratch database; 0 until all of it is compared.
        is_template: whether it is a template.
    """

    database: str
    id: str
    number: int = 0
    is_template: bool = False

    @property
    def scratch(self) -> str:
        """The name of the scratch database."""
        return f"{self.database}_restore_{self.id}"

    @property
    def kept(self) -> str:
        """The name of the formerly live database after the swap."""
        return f"{self.database}_before_{self.id}"

    def write(self, config: Config) -> None:
        """Write the note."""
        fresh = note(config).with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)), encoding="utf-8")
        fresh.rename(note(config))


def note(config: Config) -> Path:
    """Return the file with the note."""
    return config.physical_dir / FILE


def read(config: Config) -> Ready | None:
    """Return what the last run has made ready, or was at when it was killed."""
    with suppress(OSError, ValueError, TypeError):
        return Ready(**json.loads(note(config).read_text(encoding="utf-8")))
    return None


def look(run: Run, config: Config, database: str) -> dict[str, Any]:
    """Return the figures about a database on the live server. Its bytes are 0 if it does not exist there.

    Raises:
        Failed: the server does not run, or the database could not be swapped.
    """
    if not database.isprintable() or "/" in database or len(database.encode()) > LONGEST:
        raise Failed(f"{shown(database)} is not the name of a database here", "see --help", 2)
    live = find_live(run, config, database)
    databases.require_no_prepared(live, database)
    size = int(ask(live, BYTES, database) or 0)
    return {"into": database, "into_bytes": size, "older": list_older(live, database)}


def find_live(run: Run, config: Config, database: str) -> Server:
    """Return the live server, for work on this database.

    Raises:
        Failed: it does not run.
    """
    return find_server(run, replace(config, database=database))


def remove_left(run: Run, config: Config) -> None:
    """Drop the scratch database of an earlier run, which was never swapped in."""
    if not (left := read(config)):
        return
    try:
        drop(find_live(run, config, left.database), left)
        note(config).unlink(missing_ok=True)
    except (Failed, ServerFailed) as error:
        run.log(f"{error}: {left.scratch} may be left, and the next run drops it")


def drop(live: Server, left: Ready) -> None:
    """Drop a scratch database.

    Raises:
        ServerFailed: it cannot be dropped.
    """
    databases.drop_databases(live, left.scratch)


def is_live(live: Server, ready: Ready) -> bool:
    """Return whether the compared database is in the live one's place."""
    return bool(ready.number) and ask(live, NUMBER, ready.database) == str(ready.number)


def go_live(run: Run, config: Config, database: str, number: str) -> None:
    """Swap the ready database in, or say that a killed run did. The formerly live one is kept."""
    ready = read(config)
    if not ready or (ready.database, ready.id) != (database, number) or not ready.number:
        raise Failed(f"there is no recovery {number} of {shown(database)} that is ready", "recover again", 2)
    live = find_live(run, config, database)
    if not is_live(live, ready):
        if ask(live, NUMBER, ready.scratch) != str(ready.number):
            raise Failed(f"{ready.scratch} is gone, or is another database now", "recover again")
        databases.require_no_prepared(live, database, ready.kept)
        swap(live, ready.scratch, ready.kept, None, ExitStack(), ready.is_template)
    release(config)
    said = {"seconds": run.seconds(), "action": "live", "id": number, "into": database}
    kept = ready.kept if outcome.is_there(live, ready.kept) else None
    run.tell({**said, "kept": kept, "older": list_older(live, database, but=ready.kept)})


def list_older(live: Server, database: str, but: str = "") -> list[dict[str, Any]]:
    """Return the names and the bytes of the databases that earlier restores have kept. This one drops none.

    Raises:
        Failed: the server does not answer.
    """
    try:
        return databases.list_databases(live, f"{database}_before_", databases.ID, but)
    except ServerFailed as error:
        raise Failed("the databases cannot be listed", "the lines above say why") from error


def ask(server: Server, query: str, database: str) -> str:
    """Return the answer to a query about a database.

    Raises:
        Failed: the server does not answer.
    """
    try:
        return server.sql(server.maintenance, query, "-v", f"database={database}").rstrip("\n")
    except ServerFailed as error:
        raise Failed("the databases cannot be listed", "the lines above say why") from error
