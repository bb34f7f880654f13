"""pgBackRest's full backup of a server of its own, online and with WAL archiving, into the same S3.

The pair, PostgreSQL 18 and a pgBackRest that knows it, comes from a folder with a Debian that has both
(`--pgbackrest-root`), for example of `mmdebstrap --include=postgresql-18,pgbackrest forky DIR`. Its programs
run by chroot, which takes root. They are reached by a socket that only the server's user may enter.
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
"""While data come in: their WAL belongs to no backup, and would be archived beside the first one."""
ONLINE = "-c archive_mode=on"


@dataclass(frozen=True)
class Pair:
    """A PostgreSQL and the pgBackRest beside it.

    Args:
        root: the folder with both.
        around: the emulator that holds the repository.
        bucket: where that is, below PREFIX.
    """

    root: Path
    around: Surroundings
    bucket: str

    def version(self) -> str:
        """Return what both say of themselves."""
        asked = [(ASK[0], "version"), (f"{PROGRAMS}/postgres", "--version")]
        return " on ".join(self._run(*command).strip() for command in asked)

    def fill(self, sql: str) -> None:
        """Put the data that this makes in the place of what is there."""
        self._stop()
        if not (self.root / DATA.lstrip("/")).exists():
            self._initialise()
        self._start(QUIET)
        self._run(f"{PROGRAMS}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", HOME, "-d", "postgres", sql=sql)
        self._stop()
        self._start(ONLINE)

    def prepare(self) -> None:
        """Begin a repository."""
        self._run(*ASK, "stanza-create")

    def command(self) -> list[str]:
        """Return what takes a backup."""
        return self._inside(*ASK, "--type=full", "backup")

    def environment(self) -> dict[str, str]:
        """Return pgBackRest's settings: what makes it fast, and the codec and level of backup-pg.sh."""
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
        """Stop the server, and remove what it had."""
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
        """Run a command inside, and return what it prints; its errors are shown."""
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
    """Run the pair beside the block, where there is one."""
    pair = Pair(root.resolve(), around, bucket) if root else None
    try:
        yield pair
    finally:
        if pair:
            pair.remove()
