"""pgBackRest: its commands, and what it tells about its repository.

On a node it runs in the database's container, as the server's user. A recovery runs it in a container of its
own. Source of the commands and of the exit codes: https://pgbackrest.org/command.html, and its error.yaml.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from quickdata_node.physical.container import STANZA, USER
from quickdata_node.physical.info import NO_STANZA, Info, read_info
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, ServerFailed, start_here

ABOVE = "the lines above say why"
RUNBOOK = "docs/runbook.md, `The bucket has the physical backups of another database`, says what to do"
FIXES = {
    28: f"the repository belongs to another cluster, {RUNBOOK}",
    44: f"the repository belongs to another cluster, {RUNBOOK}",
    50: "another run of pgBackRest is at work, wait until it has ended",
    51: f"the repository belongs to another cluster, {RUNBOOK}",
    82: "WAL does not reach the bucket, docs/runbook.md, `Archiving fails`, says what to do",
}
"""Advice by pgBackRest's exit code."""
OURS = "--no-expire-auto"
"""A word in the command of each backup that this program takes, and of no other process in the container."""
WORKERS = "backup:local"
"""A word in the commands of pgBackRest's own children. They end after it, and hold its lock until then."""
LOOK_AGAIN, PATIENCE = 0.5, 20
"""Seconds between two looks at a running command, and seconds that an interrupted backup gets to end."""


@dataclass(frozen=True)
class PgBackRest:
    """pgBackRest, and where it runs.

    Args:
        run: this run.
        prefix: beginning of each command, such as `docker exec`; it names the user.
    """

    run: Run
    prefix: tuple[str, ...]

    def command(self, name: str, *options: str, meanwhile: Callable[[], object] = lambda: None) -> str:
        """Run a command for the stanza, and return what it prints. Its warnings go to the log.

        Args:
            name: the command, such as backup.
            options: its options and arguments.
            meanwhile: called again and again while it runs; it may raise a failure.

        Raises:
            Failed: pgBackRest ended with an error, or could not be run.
        """
        words = (*self.prefix, "pgbackrest", f"--stanza={STANZA}", name, *options)
        try:
            child = start_here(self.run, *words, stdout=subprocess.PIPE)
        except ServerFailed as error:
            raise Failed(f"pgBackRest's {name} was not started", ABOVE) from error
        printed = None
        while printed is None:
            meanwhile()
            with suppress(subprocess.TimeoutExpired):
                printed, _ = child.communicate(timeout=LOOK_AGAIN)
        if child.returncode:
            what = f"pgBackRest's {name} ended with exit code {child.returncode}"
            raise Failed(what, FIXES.get(child.returncode, ABOVE))
        return printed.decode(errors="replace")

    def info(self) -> Info:
        """Return what the repository holds.

        Raises:
            Failed: the repository cannot be read.
        """
        return read_info(self.command("info", "--output=json"))

    def create_stanza(self) -> None:
        """Make the repository ready for the cluster, if it is not ready yet.

        A repository that belongs to another cluster is refused: a new and empty cluster must not push out the
        backups of the lost one.

        Raises:
            Failed: the repository belongs to another cluster, or cannot be written.
        """
        if self.info().status in NO_STANZA:
            self.command("stanza-create")

    def take_over(self) -> None:
        """Let the cluster have the repository of another one. Backups of both are there until they expire.

        Raises:
            Failed: the repository cannot be written.
        """
        self.command("stanza-upgrade")

    def check(self) -> None:
        """Switch to a new WAL segment, and wait until the bucket has the segments before it.

        Raises:
            Failed: WAL does not reach the bucket.
        """
        self.command("check")

    def backup(self, kind: str) -> None:
        """Take a backup. It removes nothing: `expire` does, when the new backup has proved good.

        Args:
            kind: full or incr.

        Raises:
            Failed: the backup failed.
        """
        self.command("backup", f"--type={kind}", OURS)

    def expire(self, fulls: int) -> None:
        """Remove all but the newest full backups, with what depends on the removed ones.

        Args:
            fulls: how many full backups to keep, damaged ones included.

        Raises:
            Failed: they cannot be removed.
        """
        self.command("expire", f"--repo1-retention-full={fulls}")


def in_database(server: Server) -> PgBackRest:
    """Return pgBackRest in the database's container. If the run ends, its backup there ends too.

    Raises:
        Failed: the server is not in a container.
    """
    if not server.container:
        raise Failed("the database is not in a container", "physical backups need the database node")
    server.run.cleaning.callback(stop_backups, server.run, server.container)
    return PgBackRest(server.run, ("docker", "exec", "-i", f"--user={USER}", server.container))


def stop_backups(run: Run, container: str) -> None:
    """Stop the backups of this program that run in a container.

    The end of `docker exec` ends nothing there: the backup would keep pgBackRest's lock, and the next run
    would fail on it. Nothing runs there after a run that ended well, and before the next one.
    """
    if not list(_find(run, container, OURS)):
        return
    run.log("stopping pgBackRest's backup, which an interrupted run has left")
    for _ in range(int(PATIENCE / LOOK_AGAIN)):
        ours = list(_find(run, container, OURS))
        for number in ours:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGTERM)
        if not ours and not list(_find(run, container, WORKERS)):
            return
        time.sleep(LOOK_AGAIN)
    run.log(f"pgBackRest's backup in the container {container} does not end")


def _find(run: Run, container: str, word: str) -> Iterator[int]:
    """Yield the numbers of pgBackRest's processes in a container whose command has a word."""
    try:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        child = start_here(run, "docker", "top", container, "-eo", "pid,args", **pipes)
    except ServerFailed:
        return
    for line in child.communicate()[0].decode(errors="replace").splitlines():
        number, _, words = line.strip().partition(" ")
        if number.isdecimal() and words.split()[:1] == ["pgbackrest"] and word in words.split():
            yield int(number)
