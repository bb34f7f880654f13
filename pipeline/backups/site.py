"""Where a drill runs: a server, and a runner for the node's program."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.backups.catalogue import Backup
from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.progress import Progress
from pipeline.steps.step import Runner

PROGRAM = REPOSITORY / "infrastructure/ansible/roles/pg_backup/files/quickdata_node"
"""The program of the database node. A drill runs it with this pipeline's Python, which has its packages."""


class Server(Protocol):
    """A PostgreSQL server, described for the node's program."""

    @property
    def settings(self) -> Mapping[str, str]:
        """The variables of the program's configuration for this server, without the password."""

    @property
    def password(self) -> str:
        """The superuser's password; empty if the server needs none."""


@dataclass(frozen=True)
class Site:
    """Where a drill runs.

    Args:
        runner: executes the program, and holds its secrets.
        server: the PostgreSQL server.
        program: the path of the node's program, as the runner sees it.
        python: the path of Python, as the runner sees it.
        env: settings for boto3; the program ignores AWS_* of its environment.
        called: the server's description.
        elsewhere: what to do if the server lacks something that the database needs.
    """

    runner: Runner
    server: Server
    program: str
    python: str
    env: Mapping[str, str] = field(default_factory=dict)
    called: str = "a throwaway PostgreSQL"
    elsewhere: str = "run the drill from a terminal, where --image and --server can name a server that has it"


Holds = Callable[[Server], dict[str, str]]
OpenSite = Callable[[Holds, Backup, Progress], AbstractAsyncContextManager[Site]]
