"""A container of its own for a recovery: pgBackRest in it, then the recovered server.

It has the image and the paths of the database's container. So pgBackRest's configuration fits as it is. No
port is published, and the server listens on its socket alone. It gets at most half of the memory, so that the
kernel kills it before the live database.
"""

import os
import re
import secrets
import subprocess
import time
from dataclasses import dataclass

from quickdata_node.config import Config
from quickdata_node.physical.container import CONFIG_DIRECTORY, DATA, KEYS_DIRECTORY, USER
from quickdata_node.physical.pgbackrest import PgBackRest
from quickdata_node.physical.places import Place, Volume
from quickdata_node.run import Failed, Run
from quickdata_node.server import PASSED, Server, ServerFailed, start_here

ABOVE = "the lines above say why"
NAME = "quickdata-recovery"
"""There is one at a time, because a recovery holds the lock. A container of this name is a killed run's."""
EXEC = ("docker", "exec", "-i", *(word for name in PASSED for word in ("-e", name)), NAME)
LOOK_AGAIN = 0.3
STOP_SECONDS = 600
"""Most seconds for the recovered server's shutdown."""
SAID = 20
"""Last lines of the server that the log gets when it has ended."""
OPEN = "select 'open' where not pg_is_in_recovery()"
TOO_EARLY = "recovery ended before configured recovery target was reached"
"""PostgreSQL's message for a target after the last transaction of the WAL."""
LAST = re.compile(r"last completed transaction was at log time (.+)")
"""PostgreSQL's message at the end of a recovery."""
CHECKED = f"{DATA}/wal"
"""A file in the container for the WAL segment whose checksum is taken."""
ARCHIVE_LATER = ("-c", "archive_mode=on", "-c", "archive_command=")
"""The server notes its new timeline's history for the archive. The live service will send it.

Without a command, the server only collects its WAL:
https://www.postgresql.org/docs/18/runtime-config-wal.html#GUC-ARCHIVE-COMMAND
"""
ARCHIVE_NOTHING = ("-c", "archive_mode=off")
OPTIONS = ("-c", "listen_addresses=", "-c", "hot_standby=on")
FORGET = """alter system reset restore_command;
alter system reset recovery_target;
alter system reset recovery_target_action;
alter system reset recovery_target_name;
alter system reset recovery_target_time;
alter system reset recovery_target_timeline;
"""
"""The settings that pgBackRest wrote for this recovery alone."""


@dataclass(frozen=True)
class Throwaway:
    """A container for a recovery.

    Args:
        run: this run.
        config: its configuration.
        place: the folder with the server's files.
    """

    run: Run
    config: Config
    place: Place | None = None

    @property
    def pgbackrest(self) -> PgBackRest:
        """pgBackRest in a container that lives as long as its command."""
        return PgBackRest(self.run, ("docker", "run", "--rm", *self._words))

    @property
    def _words(self) -> tuple[str, ...]:
        limits = ("--init", f"--memory={_memory() // 2}", "--oom-score-adj=500")
        mounts = [
            f"--volume={self.config.archive_config}:{CONFIG_DIRECTORY}:ro",
            f"--volume={self.config.keys_file.parent}:{KEYS_DIRECTORY}:ro",
        ]
        if self.place:
            live = self.place.live.relative_to(self.place.volume)
            mounts.append(f"--volume={self.place.data}:{DATA}/{live}")
        return (f"--name={NAME}", f"--user={USER}", "--shm-size=256m", *limits, *mounts, self.config.pg_image)

    def start(self, archive: tuple[str, ...], volume: Volume) -> Server:
        """Start the recovered server, and return when its recovery has ended. Then it can be written.

        Args:
            archive: ARCHIVE_LATER or ARCHIVE_NOTHING.
            volume: the volume, on which the live database must keep some room meanwhile.

        Raises:
            Failed: the server ended, for example because the WAL ends before the moment.
        """
        self.run.cleaning.callback(self.remove)
        self._docker("run", "--detach", *self._words, "postgres", *OPTIONS, *archive)
        while not self._is_open():
            volume.require_reserve()
            if self._inspect("{{.State.Running}}") != "true":
                raise self._ended()
            time.sleep(LOOK_AGAIN)
        server = Server(self.run, self.config, EXEC, f"quickdata-{secrets.token_hex(4)}", container=NAME)
        self.run.cleaning.callback(server.end)
        server.look()
        return server

    def forget(self, server: Server) -> None:
        """Remove the settings of the recovery from the server's own.

        Raises:
            Failed: they cannot be removed.
        """
        try:
            server.sql(server.maintenance, FORGET)
        except ServerFailed as error:
            raise Failed("the recovered server cannot be written", ABOVE) from error

    def stop(self) -> None:
        """Shut the recovered server down.

        Raises:
            Failed: it did not shut down cleanly.
        """
        self._docker("stop", f"--time={STOP_SECONDS}", NAME)
        if self._inspect("{{.State.ExitCode}}") != "0":
            self._log_end()
            raise Failed("the recovered server did not shut down cleanly", ABOVE)
        self.remove()

    def remove(self) -> None:
        """Remove the container, also one that a killed run has left."""
        self._docker("rm", "--force", "--volumes", NAME, errors=subprocess.DEVNULL)

    def _is_open(self) -> bool:
        psql = ("psql", "-XqAt", "--dbname=postgres", "--command", OPEN)
        return self._docker(*EXEC[1:], *psql, quiet=True).strip() == "open"

    def checksum(self, segment: str) -> str:
        """Return the SHA-1 of a WAL segment's content in the repository.

        Raises:
            Failed: it cannot be fetched.
        """
        inside = PgBackRest(self.run, ("docker", "exec", NAME))
        inside.command("archive-get", "--no-archive-async", segment, CHECKED)
        return self._docker("exec", NAME, "sha1sum", CHECKED).split()[0]

    def last_transaction(self) -> str:
        """Return the time of the last transaction that the recovery has replayed; empty if unknown."""
        found = LAST.findall(self._docker("logs", NAME, errors=subprocess.STDOUT))
        return found[-1] if found else ""

    def _ended(self) -> Failed:
        if TOO_EARLY in self._log_end():
            last = self.last_transaction()
            when = f"; the last transaction in its WAL was at {last}" if last else ""
            again = "run it again, in case S3 failed; if it ends there again, a WAL segment is damaged"
            fix = f"{again}: choose an earlier moment; the live database was not touched"
            return Failed(f"the recovery ended before that moment{when}", fix)
        return Failed("the recovered server has ended", ABOVE)

    def _log_end(self) -> str:
        """Copy the server's last lines into the log, and return them."""
        said = self._docker("logs", f"--tail={SAID}", NAME, errors=subprocess.STDOUT)
        for line in said.splitlines():
            self.run.log(line)
        return said

    def _inspect(self, form: str) -> str:
        return self._docker("inspect", f"--format={form}", NAME).strip()

    def _docker(self, *words: str, quiet: bool = False, errors: int | None = None) -> str:
        """Run a command of Docker, and return what it prints.

        Raises:
            Failed: the command failed, and quiet is false.
        """
        stderr = subprocess.DEVNULL if quiet else errors
        try:
            child = start_here(self.run, "docker", *words, stdout=subprocess.PIPE, stderr=stderr)
        except ServerFailed as error:
            raise Failed("Docker cannot be run", ABOVE) from error
        printed, _ = child.communicate()
        if child.returncode and not quiet:
            raise Failed(f"docker {words[0]} ended with exit code {child.returncode}", ABOVE)
        return printed.decode(errors="replace")


def _memory() -> int:
    """Return the bytes of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
