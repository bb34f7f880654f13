"""pgBackRest: its commands, and what it tells about its repository.

On a node it runs in the database's container, as the server's user. A recovery runs it in a container of its
own. Source of the commands and of the exit codes: https://pgbackrest.org/command.html, and its error.yaml.
"""

import subprocess
from dataclasses import dataclass

from quickdata_node.physical.container import STANZA, USER
from quickdata_node.physical.info import NO_STANZA, Info, read_info
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, ServerFailed, start_here

ABOVE = "the lines above say why"
RUNBOOK = "docs/backups.md, `Another cluster`, says what to do"
FIXES = {
    28: f"the repository belongs to another cluster, {RUNBOOK}",
    44: f"the repository belongs to another cluster, {RUNBOOK}",
    50: "another run of pgBackRest is at work, wait until it has ended",
    51: f"the repository belongs to another cluster, {RUNBOOK}",
    82: f"WAL does not reach the bucket, {RUNBOOK}",
}
"""Advice by pgBackRest's exit code."""


@dataclass(frozen=True)
class PgBackRest:
    """pgBackRest, and where it runs.

    Args:
        run: this run.
        prefix: beginning of each command, such as `docker exec`; it names the user.
    """

    run: Run
    prefix: tuple[str, ...]

    def command(self, name: str, *options: str) -> str:
        """Run a command for the stanza, and return what it prints. Its warnings go to the log.

        Args:
            name: the command, such as backup.
            options: its options and arguments.

        Raises:
            Failed: pgBackRest ended with an error, or could not be run.
        """
        words = (*self.prefix, "pgbackrest", f"--stanza={STANZA}", name, *options)
        try:
            child = start_here(self.run, *words, stdout=subprocess.PIPE)
        except ServerFailed as error:
            raise Failed(f"pgBackRest's {name} was not started", ABOVE) from error
        printed, _ = child.communicate()
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

    def check(self) -> None:
        """Switch to a new WAL segment, and wait until the bucket has the segments before it.

        Raises:
            Failed: WAL does not reach the bucket.
        """
        self.command("check")

    def backup(self, kind: str) -> None:
        """Take a backup, and remove the backups and the WAL that no rule keeps.

        Args:
            kind: full or incr.

        Raises:
            Failed: the backup failed.
        """
        self.command("backup", f"--type={kind}")


def in_database(server: Server) -> PgBackRest:
    """Return pgBackRest in the database's container.

    Raises:
        Failed: the server is not in a container.
    """
    if not server.container:
        raise Failed("the database is not in a container", "physical backups need the database node")
    return PgBackRest(server.run, ("docker", "exec", "-i", f"--user={USER}", server.container))
