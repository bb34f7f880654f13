"""The PostgreSQL server, and its programs: psql, pg_dump, pg_restore.

On a node of a Swarm they run in the database's container, by `docker exec`. Elsewhere they run on this
machine.
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
"""Variables that `docker exec` passes into the container. LC_ALL makes pg_restore write its errors in
English, because this program reads them."""
PATIENCE = 10
"""Seconds that programs get to end by themselves."""
LOOK = "select current_setting('server_version_num'), current_setting('is_superuser')"
END_SESSIONS = """select count(pg_terminate_backend(pid)) from pg_stat_activity
where application_name = :'application' and pid <> pg_backend_pid();
"""


class ServerFailed(Exception):  # noqa: N818 - callers say what it means
    """A program of PostgreSQL failed. It has written why to the log."""


@dataclass
class Server:
    """A server, and the programs that this run has started on it.

    Args:
        run: this run.
        config: its configuration.
        prefix: beginning of each command, such as `docker exec`; empty on this machine.
        application: name of this run's sessions.
        parameters: parameters that these sessions set.
        children: the programs that were started.
        container: the container that the server is in; empty elsewhere.

    Attributes:
        version: PostgreSQL's version, as in server_version_num.
    """

    run: Run
    config: Config
    prefix: tuple[str, ...]
    application: str
    parameters: Parameters = field(default_factory=lambda: parameters.ALL)
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    container: str = ""
    version: int = 0

    @property
    def maintenance(self) -> str:
        """The database to connect to when others are created, renamed or dropped."""
        return "template1" if self.config.database == "postgres" else "postgres"

    def look(self) -> None:
        """Ask the server for its version, and set the parameters that it knows from now on.

        The first attempt sets all parameters, which only a superuser of a new enough server may do. So no
        setting of the role prevents the connection.
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
        """Return the variables for a program: without S3's keys, with the database's name.

        The name goes by the environment, because psql reads an argument with "=" as a connection string.
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
        """Start a program on the server. Its standard error goes to the log.

        Args:
            command: the program and its arguments.
            database: the database that the program connects to; empty for the default.
            more: further parameters of its sessions.
            pipes: standard streams, as `subprocess.Popen` takes them.
        """
        environment = self.environment(database, more)
        return start(self.run, self.children, *self.prefix, *command, environment=environment, **pipes)

    def sql(self, database: str, text: str, *options: str) -> str:
        """Run SQL by psql, and return what it prints.

        Raises:
            ServerFailed: psql failed, or could not be run.
        """
        child = self.start(*PSQL, *options, database=database, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        printed, _ = child.communicate(text.encode(errors="surrogateescape"))
        if child.returncode:
            raise ServerFailed(f"psql ended with exit code {child.returncode}")
        return printed.decode(errors="surrogateescape")

    def start_sql(self, database: str, text: str, *options: str, **pipes: Any) -> subprocess.Popen[bytes]:
        """Start psql with some SQL, and close its input."""
        child = self.start(*PSQL, *options, database=database, stdin=subprocess.PIPE, **pipes)
        assert child.stdin
        with suppress(BrokenPipeError), child.stdin:  # if psql has ended, its exit code will say so
            child.stdin.write(text.encode(errors="surrogateescape"))
        return child

    def output(self, *command: str) -> str:
        """Return the output of a command on the server's machine; an empty string when it fails."""
        try:
            child = self.start(*command, stdout=subprocess.PIPE)
        except ServerFailed:
            return ""
        printed, _ = child.communicate()
        return "" if child.returncode else printed.decode(errors="surrogateescape")

    def end(self) -> None:
        """End the programs that this run has left on the server.

        PostgreSQL ends this run's sessions, and with them programs inside a container too. A kill of
        `docker exec` would end nothing there.
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
    """Return whether a program ends well within some seconds; otherwise it is killed."""
    try:
        return child.wait(PATIENCE) == 0
    except subprocess.TimeoutExpired:
        child.kill()
        return False


def find_server(run: Run, config: Config) -> Server:
    """Return the server: in a named container, in the container of a Swarm service, or reached by TCP."""
    prefix: tuple[str, ...] = ()
    container = config.pg_container
    if config.pg_service and not container:
        container = _find_container(run, config.pg_service)
    if container:
        passed = [word for name in PASSED for word in ("-e", name)]
        prefix = ("docker", "exec", "-i", *passed, container)
    server = Server(run, config, prefix, f"quickdata-{secrets.token_hex(4)}", container=container)
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
    """Start a program, which holds this run's lock as long as it lives.

    When the run ends, threads cannot start programs any more: nobody would end them.

    Args:
        run: this run.
        children: list that receives the program.
        command: the program and its arguments.
        environment: its variables; None means those of this run without S3's keys.
        pipes: standard streams, as `subprocess.Popen` takes them.

    Raises:
        ServerFailed: the program cannot be run, or the run ends.
    """
    nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}  # our own carries the JSON line
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
    """Start a program on this machine. It ends with the run at the latest.

    Raises:
        ServerFailed: the program cannot be run.
    """
    return start(run, run.programs, *command, **pipes)
