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
"""The variables that name a file."""
FORM = "HOST:PORT or postgresql://USER@HOST:PORT"


@dataclass(frozen=True)
class NamedServer:
    """The address of a server, and how to sign in.

    Args:
        host: the server's name or address.
        port: the TCP port.
        user: the superuser.
        password: PGPASSWORD; empty if a file has the password, or if none is needed.
        more: libpq's variables for the password file and for encrypted connections.
        bin: the directory with clients that are new enough for the server.
    """

    host: str
    port: int
    user: str
    password: str
    more: Mapping[str, str]
    bin: Path

    @property
    def place(self) -> Mapping[str, str]:
        """The variables with which any client finds the server, without the password."""
        return {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user, **self.more}

    @property
    def settings(self) -> Mapping[str, str]:
        """The variables with which the node's program finds the server, without the password."""
        return {"PG_BIN": str(self.bin), **self.place}


def named_server(text: str) -> NamedServer:
    """Return the server at an address. PGUSER, PGPASSWORD and PGPASSFILE count as they do for libpq.

    Raises:
        ValueError: the text is not the address of a server, or it contains a password.
    """
    parts = urlsplit(text if "://" in text else f"{SCHEMES[0]}://{text}")
    if parts.password is not None:
        raise ValueError(
            "contains a password, which other users can read there; set PGPASSWORD or PGPASSFILE instead"
        )
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    rest = parts.path.strip("/") + parts.query + parts.fragment
    if parts.scheme not in SCHEMES or not host or rest or not text.isprintable():
        raise ValueError(f"is not the address of a server; write it as {FORM}")
    user = unquote(parts.username or "") or os.environ.get("PGUSER") or "postgres"
    return NamedServer(host, port or PORT, user, os.environ.get("PGPASSWORD", ""), _more(), binaries())


async def reach(server: NamedServer) -> NamedServer:
    """Return the server, with clients that are at least as new as the server.

    Raises:
        ToolError: the server cannot be reached, or this machine has no such clients.
    """
    major = await _major(server)
    if major <= MAJOR:
        return server
    found = await installed(major, CLIENTS)
    if not found:
        what = f"{server.host}:{server.port} is PostgreSQL {major}, but this machine has no clients for it"
        fix = f"install the clients (on Debian: postgresql-client-{major}), or name another server"
        raise ToolError(what, fix)
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
    """Return the other variables for signing in. Programs get another HOME, so ~/.pgpass must be named."""
    found = {name: os.environ[name] for name in ("PGPASSFILE", *ENCRYPTION) if os.environ.get(name)}
    own = Path.home() / ".pgpass"
    if "PGPASSFILE" not in found and own.is_file():
        found["PGPASSFILE"] = str(own)
    return {name: str(Path(value).absolute()) if name in FILES else value for name, value in found.items()}
