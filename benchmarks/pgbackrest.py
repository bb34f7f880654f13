"""Measure pgBackRest: a full backup of its own server, online and with WAL archiving, into the same S3.

PostgreSQL 18 and a pgBackRest for it come from a folder with a Debian (`--pgbackrest-root`), made for example
by `mmdebstrap --include=postgresql-18,pgbackrest forky DIR`. The programs run by chroot, which needs root.
They use a socket that only the server's user may access.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.rehearsal.surroundings import Surroundings

PROCESSES = os.cpu_count() or 1
PGBACKREST = f"pgbackrest --type=full, online, zst -1, {PROCESSES} processes, the same S3"
PREFIX = "pgbackrest/"
ABSENT = "not run: no --pgbackrest-root"
HOME = "/var/lib/postgresql/quickdata-bench"
DATA = f"{HOME}/data"
PROGRAMS = "/usr/lib/postgresql/18/bin"
ASK = "/usr/bin/pgbackrest", "--no-config"
SETTINGS = f"""
listen_addresses = ''
unix_socket_directories = '{HOME}'
dynamic_shared_memory_type = mmap
fsync = off
archive_command = '{" ".join(ASK)} archive-push %p'
"""
QUIET = "-c archive_mode=off"
"""Used while data is loaded: no backup needs this WAL, and it would be archived during the first backup."""
ONLINE = "-c archive_mode=on"


@dataclass(frozen=True)
class Pair:
    """A PostgreSQL server with pgBackRest.

    Args:
        root: the folder with both.
        around: the servers, with the emulator for the repository.
        bucket: the bucket of the repository, below PREFIX.
    """

    root: Path
    around: Surroundings
    bucket: str

    def version(self) -> str:
        """Return the versions of both."""
        asked = [(ASK[0], "version"), (f"{PROGRAMS}/postgres", "--version")]
        return " on ".join(self._run(*command).strip() for command in asked)

    def fill(self, sql: str) -> None:
        """Replace the data by the data that this SQL creates."""
        self._stop()
        if not (self.root / DATA.lstrip("/")).exists():
            self._initialise()
        self._start(QUIET)
        self._run(f"{PROGRAMS}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", HOME, "-d", "postgres", sql=sql)
        self._stop()
        self._start(ONLINE)

    def prepare(self) -> None:
        """Create a new repository."""
        self._run(*ASK, "stanza-create")

    def command(self) -> list[str]:
        """Return the command that takes a backup."""
        return self._inside(*ASK, "--type=full", "backup")

    def environment(self) -> dict[str, str]:
        """Return pgBackRest's fastest settings, with the compression of backup-pg.sh."""
        keys = self.around.aws.environment
        settings = {
            "stanza": "bench",
            "pg1-path": DATA,
            "pg1-socket-path": HOME,
            "start-fast": "y",
            "compress-type": "zst",
            "compress-level": "1",
            "process-max": str(PROCESSES),
            "repo1-type": "s3",
            "repo1-path": f"/{PREFIX.rstrip('/')}",
            "repo1-bundle": "y",
            "repo1-retention-full": "1",
            "repo1-s3-bucket": self.bucket,
            "repo1-s3-region": self.around.aws.region,
            "repo1-s3-endpoint": self.around.aws.endpoint,
            "repo1-s3-uri-style": "path",
            "repo1-s3-key": keys["AWS_ACCESS_KEY_ID"],
            "repo1-s3-key-secret": keys["AWS_SECRET_ACCESS_KEY"],
            "lock-path": HOME,
            "log-level-file": "off",
        }
        named = {f"PGBACKREST_{key.upper().replace('-', '_')}": value for key, value in settings.items()}
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **named}

    def remove(self) -> None:
        """Stop the server, and remove its data."""
        self._stop()
        shutil.rmtree(self.root / HOME.lstrip("/"), ignore_errors=True)

    def _initialise(self) -> None:
        locale = ("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
        self._run("/usr/bin/install", "-d", "-m", "700", HOME)
        self._run(f"{PROGRAMS}/initdb", "-D", DATA, "--auth", "peer", *locale)
        with (self.root / DATA.lstrip("/") / "postgresql.conf").open("a") as file:
            file.write(SETTINGS)

    def _start(self, options: str) -> None:
        self._run(f"{PROGRAMS}/pg_ctl", "-D", DATA, "-l", f"{HOME}/log", "-o", options, "-w", "start")

    def _stop(self) -> None:
        if (self.root / DATA.lstrip("/") / "postmaster.pid").exists():
            self._run(f"{PROGRAMS}/pg_ctl", "-D", DATA, "-m", "fast", "-w", "stop")

    def _inside(self, *command: str) -> list[str]:
        user = ("--reuid", "postgres", "--regid", "postgres", "--clear-groups")
        return ["chroot", str(self.root), "setpriv", *user, *command]

    def _run(self, *command: str, sql: str = "") -> str:
        """Run a command in the folder by chroot, and return its output; its errors are shown."""
        done = subprocess.run(
            self._inside(*command),
            env=self.environment(),
            input=sql,
            text=True,
            stdout=subprocess.PIPE,
            check=True,
        )
        return done.stdout


@contextmanager
def pgbackrest(root: Path | None, around: Surroundings, bucket: str) -> Iterator[Pair | None]:
    """Run the server during the block; yield None if pgBackRest is not available."""
    pair = Pair(root.resolve(), around, bucket) if root else None
    try:
        yield pair
    finally:
        if pair:
            pair.remove()
