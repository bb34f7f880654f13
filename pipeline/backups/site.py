"""Where a drill happens: a server, and what runs the node's program beside it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.backups.catalogue import Backup
from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.progress import Progress
from pipeline.steps.step import Runner

PROGRAM = REPOSITORY / "infrastructure/ansible/roles/pg_backup/files/quickdata_node"
"""What the database node runs; here too, and by the Python of this pipeline, which has what it needs."""


class Server(Protocol):
    """A PostgreSQL, as the node's program has to know it."""

    @property
    def settings(self) -> Mapping[str, str]:
        """What its configuration says of it, but for the password."""

    @property
    def password(self) -> str:
        """The superuser's; nothing where none is needed."""


@dataclass(frozen=True)
class Site:
    """Where a drill happens.

    Args:
        runner: executes the program, and holds its secrets.
        server: the PostgreSQL.
        program: the path of the node's program, as the runner sees it.
        python: Python's.
        env: what boto3 has to know there; the program takes no AWS_* from its environment.
        called: the server, in words.
        elsewhere: what to do when the server lacks what a database needs.
    """

    runner: Runner
    server: Server
    program: str
    python: str
    env: Mapping[str, str] = field(default_factory=dict)
    called: str = "a throwaway PostgreSQL"
    elsewhere: str = "drill from a terminal: there, --image and --server name a server that has it"


Holds = Callable[[Server], dict[str, str]]
OpenSite = Callable[[Holds, Backup, Progress], AbstractAsyncContextManager[Site]]
