"""A copy of the project in which a rehearsal is typed, with canaries of a real deployment in it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.machine.repository import REPOSITORY

CANARY = "canary-of-a-real-deployment"
REAL_FILES = {
    "infrastructure/terraS3/terraform.tfstate": f'{{"version": 4, "serial": 1, "lineage": "{CANARY}"}}',
    "infrastructure/terraS3/terraform.tfstate.backup": CANARY,
    "infrastructure/terraform/.terraform/terraform.tfstate": CANARY,
    "infrastructure/terraform/saved.tfplan": CANARY,
    "infrastructure/terraS3/backend_override.tf": f'terraform {{ backend "{CANARY}" {{}} }}',
    "infrastructure/terraform/terraform.tfvars": f'bucket_suffix = "{CANARY}"',
    "infrastructure/terraform/x.auto.tfvars": f'domain = "{CANARY}"',
    "infrastructure/ansible/group_vars/all/vault.yml": f"vault_db_password: {CANARY}",
    "infrastructure/ansible/group_vars/all/vault.yml.bak": f"vault_db_password: {CANARY}",
    "infrastructure/ansible/inventory.yml": f"all: {{hosts: {{{CANARY}: }}}}",
    "infrastructure/ansible/known_hosts": CANARY,
    ".secrets/key": CANARY,
}
REAL_FILES_OF_HOME = {
    ".aws/credentials": f"[default]\naws_access_key_id = {CANARY}\n",
    ".aws/config": f"[default]\nendpoint_url = http://{CANARY}\n",
    ".ssh/id_ed25519": CANARY,
    ".ssh/known_hosts": CANARY,
    "vault-password": CANARY,
}


@dataclass
class Checkout:
    """A copy of the project, with its own HOME and its own directory for temporary files."""

    root: Path
    temporary: Path
    home: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(self.root),
            "AWS_ACCESS_KEY_ID": CANARY,
            "AWS_SECRET_ACCESS_KEY": CANARY,
            "AWS_SESSION_TOKEN": CANARY,
            "AWS_PROFILE": CANARY,
            "AWS_ENDPOINT_URL": f"http://{CANARY}",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.home / "vault-password"),
            "QUICKDATA_SSH_KEY": str(self.home / ".ssh/id_ed25519"),
            "AWS_REGION": "us-east-1",
            "TF_VAR_bucket_suffix": CANARY,
            "TF_VAR_domain": CANARY,
            "ANSIBLE_INVENTORY": CANARY,
        }
        command = [sys.executable, "-c", "from pipeline.cli import start; start()", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.root, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "reports/run.json").read_text())
        return found

    def files(self) -> dict[str, bytes]:
        paths = (p for p in self.root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return {str(p): p.read_bytes() for p in paths if "reports" not in p.parts}

    def real_files(self) -> list[Path]:
        """Return what a rehearsal must not even open."""
        ours = [self.root / name for name in REAL_FILES]
        return ours + [self.home / name for name in REAL_FILES_OF_HOME]

    def left_behind(self) -> list[str]:
        processes = [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if self._ours(path)]
        return [path.name for path in self.temporary.iterdir()] + processes

    def _ours(self, environ: Path) -> bool:
        try:
            words = environ.read_bytes() + (environ.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
        return str(self.temporary).encode() in words


def until(run: subprocess.Popen[str], seen: Callable[[str], bool]) -> str:
    """Read the run's progress until a line is seen; return all that was read."""
    assert run.stderr is not None
    read = []
    for line in run.stderr:
        read.append(line)
        if seen(line):
            return "".join(read)
    raise AssertionError("".join(read))


def make_checkout(base: Path) -> Checkout:
    found = Checkout(base / "copy", base / "tmp", base / "home")
    found.temporary.mkdir()
    for name in ("pipeline", "infrastructure"):
        shutil.copytree(REPOSITORY / name, found.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in {**REAL_FILES, **REAL_FILES_OF_HOME}.items():
        path = (found.root if name in REAL_FILES else found.home) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return found
