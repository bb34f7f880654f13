"""A deployment on real nodes for the tests, with a base that a user made in its NocoDB. Needs Docker."""

import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from pipeline.backups.catalogue import list_backups
from pipeline.deployment import DATABASE
from pipeline.errors import PipelineError, most_telling
from pipeline.rehearsal.nocodb_user import Base, User, signed_in
from pipeline.rehearsal.proofs_on_swarm import NAMES, RECEIPT, where
from pipeline.rehearsal.swarm import Swarm, swarm
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.steps.step import Step


def daemon_answers() -> bool:
    command = ["timeout", "30", "docker", "info"]
    return (
        bool(shutil.which("docker"))
        and subprocess.run(command, check=False, capture_output=True).returncode == 0
    )


NODES = pytest.mark.skipif(
    not daemon_answers(), reason="no Docker daemon answers: nodes cannot be containers"
)


class Watched(Progress):
    """A progress that tells when a step has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []

    def begin_step(self, step: Step) -> None:
        self.begun.append(step.name)
        super().begin_step(step)


@dataclass
class Live:
    """A deployment on real nodes, with a base that a user made."""

    portal: BlockingPortal
    s: Swarm
    progress: Watched
    base: Base | None = None
    tls: SSLContext | None = None

    def do(self, what: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        return self.portal.call(what, *arguments)

    async def as_user(self, act: Callable[[User], Awaitable[Any]]) -> Any:
        async with signed_in(*where(self.s), self.tls) as user:
            return await act(user)

    def serves_what_was_there(self) -> bool:
        assert self.base is not None
        base = self.base

        async def look(user: User) -> bool:
            return (
                sorted((await user.names(base)).values()) == sorted(NAMES)
                and await user.file(base) == RECEIPT
            )

        return bool(self.do(self.as_user, look))

    def make_a_base(self) -> None:
        self.base = self.do(self.as_user, lambda user: user.make("Customers", NAMES, RECEIPT))

    def on(self, node: str, *command: str) -> str:
        container = self.s.nodes.container(node)
        done = subprocess.run(
            ["docker", "exec", container, *command], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def database(self) -> str:
        label = "label=com.docker.swarm.service.name=nocodb_db"
        return self.on("database", "docker", "ps", "--quiet", "--filter", label, "--filter", "health=healthy")

    def complete(self) -> int:
        found = self.do(list_backups, self.s.d.cloud, self.s.d.bucket, DATABASE)
        return sum(each.complete for each in found)


def listed(*words: str) -> set[str]:
    """Return the ids of what Docker lists, such as ("network", "ls")."""
    command = ["docker", *words, "--quiet"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def volumes_of(label: str) -> set[str]:
    """Return the volumes that the containers with a label have, given as Docker's filter."""
    form = "{{range .Mounts}}{{println .Name}}{{end}}"
    command = ["docker", "inspect", "--format", form, *listed("ps", "--all", label)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def until(what: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)


@contextmanager
def failing() -> Iterator[list[PipelineError]]:
    found: list[PipelineError] = []
    with pytest.raises(Exception) as caught:
        yield found
    error = most_telling(caught.value)
    assert isinstance(error, PipelineError)
    found.append(error)


@contextmanager
def prepared(suffix: str, workers: int = 0, domain: str = "", older: Collection[str] = ()) -> Iterator[Live]:
    """Run new nodes, on which nothing is deployed yet. The older ones have Debian 12."""
    progress = Watched()
    place = swarm(progress, Report("test", "localstack"), suffix, workers, domain, older)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(place) as s:
        yield Live(portal, s, progress)
