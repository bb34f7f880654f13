"""A person's checkout from which quickdata deploys "to AWS", with LocalStack there: run, interrupted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.deployment import DATABASE
from pipeline.machine.repository import REPOSITORY
from pipeline.rehearsal.workspace import REAL
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from tests.support.ssh_keys import lay_key

TOOLS = Path(sys.executable).parent
GENERATED = shutil.ignore_patterns("__pycache__", *REAL)
VAULT = "infrastructure/ansible/group_vars/all/vault.yml"
DEADLINE = 900.0
"""Seconds after which a run hangs: it takes a tenth of that on a quiet machine."""


@dataclass(frozen=True)
class Ended:
    """A run that has ended, with its report, and what it should not have left behind."""

    exit_code: int
    out: str
    err: str
    report: dict[str, Any]
    left_behind: list[str]

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass
class Checkout:
    """A copy of the project with a vault of its own.

    Args:
        root: the copy.
        home: HOME of whoever types there.
        around: the file that names the servers.
        variables: the environment, besides PATH and HOME.
        said: everything that all runs have printed, and their reports.
    """

    root: Path
    home: Path
    around: Path
    variables: Mapping[str, str]
    said: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        path = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "PYTHONPATH": f"{self.root}:{REPOSITORY}"}
        temporary = self.home / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        own = {"HOME": str(self.home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**path, **own, "LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true", **self.variables}

    def start(self, *words: str) -> subprocess.Popen[str]:
        (self.root / "reports/run.json").unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "tests.support.emulated_cli", str(self.around), *words]
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "text": True, "start_new_session": True}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.root, env=self.environment, **pipes, **options)

    def run(self, *words: str) -> Ended:
        """Run a verb that must succeed."""
        ended = self._ended(self.start(*words), "")
        assert ended.exit_code == 0, ended.said
        return ended

    def interrupted(self, number: signal.Signals, moment: str, there: str | None = None) -> Ended:
        """Deploy, and send a signal when a line has been printed and a path of the checkout exists."""
        run = self.start("deploy", "--verbose")
        assert run.stderr is not None
        read = []
        for line in run.stderr:
            read.append(line)
            if moment in line:
                break
        else:
            raise AssertionError("".join(read))
        until = time.monotonic() + DEADLINE
        while there and not list(self.root.glob(there)):
            assert time.monotonic() < until, f"{there} never came"
            assert run.poll() is None, "the run ended before"
        os.killpg(run.pid, number)
        return self._ended(run, "".join(read))

    def _ended(self, run: subprocess.Popen[str], read: str) -> Ended:
        try:
            out, err = run.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            run.terminate()
            raise AssertionError("it hangs: " + read + "".join(run.communicate())) from None
        self.said += [out, read + err]
        file = self.root / "reports/run.json"
        text = file.read_text() if file.exists() else "{}"
        page = file.with_name("index.html").read_text() if file.exists() else ""
        self.said += [text, page]
        return Ended(run.returncode, out, read + err, json.loads(text), self.left_behind())

    def surround(self, aws: LocalStack, database: Postgres) -> None:
        """Name the servers; the database gets the empty database that NocoDB's stack would make."""
        self.name(aws, database)
        database.psql(f"CREATE DATABASE {DATABASE}")

    def name(self, aws: LocalStack, database: Postgres) -> None:
        """Write the file that names the servers."""
        found = {"aws": asdict(aws), "database": asdict(database) | {"bin": str(database.bin)}}
        self.around.touch(0o600)
        self.around.write_text(json.dumps(found))

    def left_behind(self) -> list[str]:
        """Return what a run must not leave: files with secrets or plans, temporary ones, processes."""
        files = (self.root.rglob(name) for name in (".secrets/*", "*.tfplan", "*.draft"))
        processes = (path.parent for path in Path("/proc").glob("[0-9]*/environ") if self._ours(path))
        return [str(path) for found in (*files, (self.home / "tmp").iterdir(), processes) for path in found]

    def _ours(self, environ: Path) -> bool:
        try:
            return f"HOME={self.home}\0".encode() in environ.read_bytes()
        except OSError:  # it has ended, or is somebody else's
            return False


def checkout(directory: Path, variables: Mapping[str, str], vault: Mapping[str, str]) -> Checkout:
    """Return a fresh copy of the project with a key pair and a vault.

    Args:
        directory: an empty directory.
        variables: the environment of its runs, VAULT_PASSWORD among them.
        vault: what the vault holds.
    """
    key = directory / "home/.ssh/id_ed25519"
    key.parent.mkdir(parents=True)
    lay_key(key)
    found = Checkout(directory / "checkout", directory / "home", directory / "around.json", variables)
    for name in ("pipeline", "infrastructure"):
        shutil.copytree(REPOSITORY / name, found.root / name, ignore=GENERATED)
    command = [str(TOOLS / "ansible-vault"), "encrypt", "--output", Path(VAULT).name]
    encrypt = {"ANSIBLE_VAULT_PASSWORD_FILE": str(found.root / "infrastructure/ansible/vault-password.sh")}
    subprocess.run(
        command,
        cwd=(found.root / VAULT).parent,
        env=found.environment | encrypt,
        input=yaml.safe_dump(dict(vault)),
        text=True,
        check=True,
        capture_output=True,
    )
    return found
