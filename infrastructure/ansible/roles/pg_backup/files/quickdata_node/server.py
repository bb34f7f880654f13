"""The PostgreSQL server, and its own programs: psql, pg_dump, pg_restore.

On a node of a Swarm they run in the database's container, by `docker exec`; elsewhere on this machine.
"""

import re
import secrets
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import current_thread, main_thread
from typing import Any

from quickdata_node import parameters
from quickdata_node.config import Config
from quickdata_node.parameters import Parameters
from quickdata_node.run import Failed, Run, without_keys

PSQL = ("psql", "-XqAtw", "-v", "ON_ERROR_STOP=1")
PASSED = ("PGUSER", "PGDATABASE", "PGAPPNAME", "PGOPTIONS", "PGCLIENTENCODING", "LC_ALL")
"""Variables that go into the container with a command. What pg_restore says is read: it has to be English."""
PATIENCE = 10
"""Seconds that what was started gets to end by itself."""
LOOK = "select current_setting('server_version_num'), current_setting('is_superuser')"
END_SESSIONS = """select count(pg_terminate_backend(pid)) from pg_stat_activity
where application_name = :'application' and pid <> pg_backend_pid();
"""


class ServerFailed(Exception):  # noqa: N818 - callers say what it means
    """A program of PostgreSQL failed. It has written why to the log."""


@dataclass
class Server:
    """A server, and what this run has started on it.

    Args:
        run: this run.
        config: its configuration.
        prefix: what begins each command that reaches the server.
        application: the name of this run's sessions.
        parameters: what they set.
        children: the programs that were started.

    Attributes:
        version: PostgreSQL's, as server_version_num says it.
    """

    run: Run
    config: Config
    prefix: tuple[str, ...]
    application: str
    parameters: Parameters = field(default_factory=lambda: parameters.ALL)
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    version: int = 0

    @property
    def maintenance(self) -> str:
        """The database from which others are created, renamed and dropped."""
        return "template1" if self.config.database == "postgres" else "postgres"

    def look(self) -> None:
        """Ask the server what it is, and set from now on what it knows.

        It is asked first as a superuser of a server that is new enough may: so nothing that is set for the
        role keeps us out.
        """
        try:
            facts = self.sql(self.maintenance, LOOK)
        except ServerFailed:
            self.parameters = parameters.EVERYWHERE
            facts = self._look_again()
        version, _, superuser = facts.strip().partition("|")
        if not re.fullmatch("[1-9][0-9]{4,6}", version):
            raise Failed(
                "PostgreSQL gives a version that is not a number", "check that the server is the right one"
            )
        self.version = int(version)
        self.parameters = parameters.known(self.version, superuser == "on")

    def _look_again(self) -> str:
        try:
            return self.sql(self.maintenance, LOOK)
        except ServerFailed as error:
            raise Failed("PostgreSQL cannot be reached", "check PGUSER and that the server runs") from error

    def environment(self, database: str = "", more: Parameters | None = None) -> dict[str, str]:
        """Return the variables for a program: none of S3's keys, and the database's name.

        It goes by the environment, because psql takes an argument with "=" for a connection string.
        """
        ours = {
            "PGAPPNAME": self.application,
            "PGOPTIONS": parameters.as_options({**self.parameters, **(more or {})}),
            "PGCLIENTENCODING": "UTF8",
            "PGCONNECT_TIMEOUT": "10",
        }
        return {**without_keys(), **ours, **({"PGDATABASE": database} if database else {})}

    def start(
        self, *command: str, database: str = "", more: Parameters | None = None, **pipes: Any
    ) -> subprocess.Popen[bytes]:
        """Start a program on the server, with more parameters. What it writes to standard error is in the
        log."""
        environment = self.environment(database, more)
        return start(self.run, self.children, *self.prefix, *command, environment=environment, **pipes)

    def sql(self, database: str, text: str, *options: str) -> str:
        """Run SQL by psql, and return what it prints.

        Raises:
            ServerFailed: it failed, or could not be run.
        """
        child = self.start(*PSQL, *options, database=database, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        printed, _ = child.communicate(text.encode(errors="surrogateescape"))
        if child.returncode:
            raise ServerFailed(f"psql ended with exit code {child.returncode}")
        return printed.decode(errors="surrogateescape")

    def start_sql(self, database: str, text: str, *options: str, **pipes: Any) -> subprocess.Popen[bytes]:
        """Start psql with some SQL, and with nothing after it."""
        child = self.start(*PSQL, *options, database=database, stdin=subprocess.PIPE, **pipes)
        assert child.stdin
        with suppress(BrokenPipeError), child.stdin:  # when it has ended, its exit code will say so
            child.stdin.write(text.encode(errors="surrogateescape"))
        return child

    def output(self, *command: str) -> str:
        """Return what a command on the server's machine prints; nothing when it fails."""
        try:
            child = self.start(*command, stdout=subprocess.PIPE)
        except ServerFailed:
            return ""
        printed, _ = child.communicate()
        return "" if child.returncode else printed.decode(errors="surrogateescape")

    def end(self) -> None:
        """End what this run has left on the server.

        It goes by ending this run's sessions, which reaches programs inside a container too: there, to kill
        `docker exec` ends nothing.
        """
        left = [child for child in self.children if child.poll() is None]
        if self.children and self.run.failed:
            self._end_sessions()
        self.children.clear()
        for attempt in range(PATIENCE * 10):
            if all(child.poll() is not None for child in left):
                return
            if attempt % 20 == 1:
                self._end_sessions()
            time.sleep(0.1)
        for child in left:
            self.run.log(f"{child.args!r} does not end, and is killed")
            child.kill()
            child.wait()

    def _end_sessions(self) -> None:
        try:
            words = "-v", f"application={self.application}"
            child = self.start_sql(self.maintenance, END_SESSIONS, *words)
            ended = _ends(child)
        except ServerFailed:
            ended = False
        if not ended:
            self.run.log("this run's sessions on the server could not be ended")


def _ends(child: subprocess.Popen[bytes]) -> bool:
    """Return whether a program ends well before long; nobody waits for a server that answers no more."""
    try:
        return child.wait(PATIENCE) == 0
    except subprocess.TimeoutExpired:
        child.kill()
        return False


def find_server(run: Run, config: Config) -> Server:
    """Return the server, which is in a container, the one of its Swarm service, or reached by TCP."""
    prefix: tuple[str, ...] = ()
    if config.pg_service or config.pg_container:
        passed = [word for name in PASSED for word in ("-e", name)]
        container = config.pg_container or _find_container(run, config.pg_service)
        prefix = ("docker", "exec", "-i", *passed, container)
    server = Server(run, config, prefix, f"quickdata-{secrets.token_hex(4)}")
    run.cleaning.callback(server.end)
    server.look()
    return server


def _find_container(run: Run, service: str) -> str:
    label = f"label=com.docker.swarm.service.name={service}"
    found: list[str] = []
    try:
        filters = ("--filter", "status=running", "--filter", label)
        child = start_here(run, "docker", "ps", "--quiet", *filters, stdout=subprocess.PIPE)
        found = child.communicate()[0].decode().split()
    except ServerFailed as error:
        run.log(error)
    if len(found) != 1:
        what = f"{len(found)} containers of the service {service} run on this node, not 1"
        raise Failed(what, f"look at docker service ps {service}, and run this on the node of its only task")
    return found[0]


def start(
    run: Run,
    children: list[subprocess.Popen[bytes]],
    *command: str,
    environment: Mapping[str, str] | None = None,
    **pipes: Any,
) -> subprocess.Popen[bytes]:
    """Start a program that holds this run's lock as long as it lives.

    Args:
        run: this run.
        children: where it is noted. When the run ends, no thread starts one that nobody would end.
        command: the program and its arguments.
        environment: its variables; None are those of this run.
        pipes: what it is connected with.

    Raises:
        ServerFailed: it cannot be run.
    """
    nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}  # ours has one line of JSON
    settings: dict[str, Any] = {**nothing, "pass_fds": run.inherited(), **pipes}
    with run.starting:
        if run.ends and current_thread() is not main_thread():
            raise ServerFailed(f"{command[0]} is not started: the run ends")
        try:
            child = subprocess.Popen(command, env=environment or without_keys(), **settings)
        except OSError as error:
            raise ServerFailed(f"{command[0]} cannot be run: {error.strerror}") from error
        children.append(child)
    return child


def start_here(run: Run, *command: str, **pipes: Any) -> subprocess.Popen[bytes]:
    """Start a program on this machine; it does not outlive the run.

    Raises:
        ServerFailed: it cannot be run.
    """
    return start(run, run.programs, *command, **pipes)
