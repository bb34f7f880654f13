"""The assertions after every fault, and the rows of the table of faults."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import Finished


@dataclass(frozen=True)
class Fault:
    """One fault at one moment: a row of docs/faults-table.md, and the parameter of the test that injects it.

    Args:
        name: what goes wrong.
        moment: when.
        says: the end of the run: what the log's last line and the alert hook get, without the script's name.
        code: the exit code.
        how: what the test needs to know to inject it.
    """

    name: str
    moment: str
    says: str
    code: int = 1
    how: Any = None

    @property
    def outcome(self) -> str:
        return f"exit {self.code}: {self.says}"


@dataclass(frozen=True)
class Retried(Fault):
    """A temporary fault, which the run survives."""

    says: str = "retried: the run ends well"
    code: int = 0

    @property
    def outcome(self) -> str:
        return self.says


class Before:
    """A node as it was before a fault."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.databases, self.content = node.databases(), node.content()
        self.complete = self.manifests()
        node.alerts.unlink(missing_ok=True)

    def manifests(self) -> dict[str, bytes]:
        """All that makes a backup look like one, and like a verified one."""
        keys = self.node.objects(f"postgres/{self.node.database}/")
        return {
            key: self.node.read(key) for key in keys if key.endswith(("/manifest.json", "/verified.json"))
        }

    def is_untouched(self) -> None:
        """Nothing is new that looks like a backup, so the latest one is as it was; and so is what is live."""
        assert self.manifests() == self.complete
        assert self.node.databases() == self.databases
        assert self.node.content() == self.content

    def survives(self, done: Finished, says: str, code: int = 1, script: str = "backup-pg.sh") -> None:
        """The run failed, told the log and the alert hook, changed nothing and left nothing."""
        names = {
            "bucket": self.node.bucket,
            "database": self.node.database,
            "state": self.node.directory / "state",
        }
        assert code != 0
        said = says.format(**names, newest=self.node.backups()[-1] if self.complete else "")
        assert (done.code, done.out) == (code, "")
        assert done.log.splitlines()[-1].endswith(f" {script}: FAILED: {said}")
        assert self.node.alert() == f"{script}: {said}\n"
        what, fix = said.split("; ", 1)
        assert what and fix
        self.is_untouched()
        assert self.node.leaves_nothing()


def cases(faults: tuple[Fault, ...]) -> list[Any]:
    """The parameters of the test that injects them."""
    return [pytest.param(each, id=f"{each.name}-{each.moment}") for each in faults]


@contextmanager
def mounted(directory: Path, options: str) -> Iterator[Path]:
    """A file system of its own in memory, which can be full or read-only without anybody else's being so."""
    directory.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode:  # only root may, and not in every container
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)
