"""A PostgreSQL that the user names, as HOST:PORT or postgresql://USER@HOST:PORT."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from anyio import run_process

from pipeline.errors import ToolError
from pipeline.servers.installed import CLIENTS, installed
from pipeline.servers.postgres import MAJOR, binaries

SCHEMES = ("postgresql", "postgres")
PORT = 5432
ENCRYPTION = ("PGSSLMODE", "PGSSLROOTCERT")
FILES = ("PGPASSFILE", "PGSSLROOTCERT")
"""Of the variables, those that name a file."""
FORM = "HOST:PORT or postgresql://USER@HOST:PORT"


@dataclass(frozen=True)
class NamedServer:
    """Where a server is, and how one signs in.

    Args:
        host: its name or its address.
        port: TCP port.
        user: its superuser.
        password: PGPASSWORD; nothing where a file has it, or none is needed.
        more: the file with the password, and how connections are encrypted, by libpq's variables.
        bin: the directory with clients that are new enough for it.
    """

    host: str
    port: int
    user: str
    password: str
    more: Mapping[str, str]
    bin: Path

    @property
    def place(self) -> Mapping[str, str]:
        """What any client has to know to reach it, but for the password."""
        return {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user, **self.more}

    @property
    def settings(self) -> Mapping[str, str]:
        """What the node's program has to know to use it."""
        return {"PG_BIN": str(self.bin), **self.place}


def named_server(text: str) -> NamedServer:
    """Return the server of a text; the rest is in PGUSER, PGPASSWORD or PGPASSFILE, as libpq reads them.

    Raises:
        ValueError: it is not the address of a server, or holds what belongs in the environment.
    """
    parts = urlsplit(text if "://" in text else f"{SCHEMES[0]}://{text}")
    if parts.password is not None:
        raise ValueError("holds a password, which others can read there; set PGPASSWORD or PGPASSFILE")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    rest = parts.path.strip("/") + parts.query + parts.fragment
    if parts.scheme not in SCHEMES or not host or rest or not text.isprintable():
        raise ValueError(f"is not the address of a server; write {FORM}")
    user = unquote(parts.username or "") or os.environ.get("PGUSER") or "postgres"
    return NamedServer(host, port or PORT, user, os.environ.get("PGPASSWORD", ""), _more(), binaries())


async def reach(server: NamedServer) -> NamedServer:
    """Return the server with clients that are as new as it is.

    Raises:
        ToolError: it cannot be reached, or this machine has no such clients.
    """
    major = await _major(server)
    if major <= MAJOR:
        return server
    found = await installed(major, CLIENTS)
    if not found:
        what = f"{server.host}:{server.port} is PostgreSQL {major}, and this machine has no clients of it"
        raise ToolError(what, f"install them (on Debian: postgresql-client-{major}), or name another server")
    return NamedServer(server.host, server.port, server.user, server.password, server.more, found)


async def _major(server: NamedServer) -> int:
    password = {"PGPASSWORD": server.password} if server.password else {}
    env = {**server.place, **password, "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "10"}
    command = (str(server.bin / "psql"), "-XAtqw", "-c", "show server_version_num")
    result = await run_process(command, env=env, check=False)
    said = result.stdout.decode(errors="replace").strip()
    if result.returncode or not said.isdecimal():
        what = f"PostgreSQL cannot be reached at {server.host}:{server.port} as {server.user}"
        fix = "check --server, PGUSER, and PGPASSWORD or PGPASSFILE"
        raise ToolError(what, fix, result.stderr.decode(errors="replace").strip())
    return int(said) // 10000


def _more() -> dict[str, str]:
    """Return what else signs in: the programs get another HOME, and only what is handed over."""
    found = {name: os.environ[name] for name in ("PGPASSFILE", *ENCRYPTION) if os.environ.get(name)}
    own = Path.home() / ".pgpass"
    if "PGPASSFILE" not in found and own.is_file():
        found["PGPASSFILE"] = str(own)
    return {name: str(Path(value).absolute()) if name in FILES else value for name, value in found.items()}
