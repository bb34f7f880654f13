"""A copy of the playbooks, with an inventory of local nodes and an encrypted vault, to run them in."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.machine.repository import REPOSITORY

ANSIBLE = REPOSITORY / "infrastructure/ansible"
TOOLS = Path(sys.executable).parent
BUCKET = "quickdata-pg-backups-storage-bucket-tests"
VAULT_PASSWORD = "of-the-vault"
VAULT = {
    "vault_db_password": "db:Passw0rd#of-tests",
    "vault_nocodb_jwt_secret": "jwt-secret-of-tests-0123456789abcdef",
    "vault_nocodb_admin_email": "admin@example.org",
    "vault_nocodb_admin_password": "Adm1n-Passw0rd",
}
ADDRESSES = {
    "pg_backup_notify": ["json://user:address-of-tests@127.0.0.1:9/x"],
    "pg_backup_ping_url": "http://user:address-of-tests@127.0.0.1:9/it's",
}
GENERATED = shutil.ignore_patterns("inventory.yml", "known_hosts", "vault.yml", ".ansible")


@dataclass(frozen=True)
class Run:
    exit_code: int
    output: str

    @property
    def changed(self) -> int:
        stats = json.loads(self.output.splitlines()[-1])["stats"]
        return sum(host["changed"] for host in stats.values())


@dataclass(frozen=True)
class Workspace:
    """A copy of the playbooks with an inventory of local nodes and an encrypted vault."""

    path: Path

    def node(self, name: str, path: str) -> Path:
        return self.path / "nodes" / name / path

    @property
    def stack(self) -> Any:
        return yaml.safe_load(self.node("manager", "opt/quickdata/stack.yml").read_text())

    def environment(self, **extra: str) -> dict[str, str]:
        return {
            "PATH": f"{TOOLS}:/usr/local/bin:/usr/bin:/bin",
            "HOME": os.environ["HOME"],
            "LANG": "C.UTF-8",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl",
            "ANSIBLE_VAULT_PASSWORD_FILE": "./vault-password.sh",
            "VAULT_PASSWORD": VAULT_PASSWORD,
            **extra,
        }

    def command(self, *argv: str, **extra: str) -> Run:
        done = subprocess.run(
            argv,
            check=False,
            cwd=self.path / "ansible",
            env=self.environment(**extra),
            capture_output=True,
            text=True,
        )
        return Run(done.returncode, done.stderr + done.stdout)

    def play(self, playbook: str, *options: str, **extra: str) -> Run:
        return self.command("ansible-playbook", f"{playbook}.yml", *options, **extra)

    def encrypt(self, values: dict[str, Any]) -> None:
        vault = self.path / "ansible/group_vars/all/vault.yml"
        vault.write_text(yaml.safe_dump(values))
        assert self.command("ansible-vault", "encrypt", "group_vars/all/vault.yml").exit_code == 0

    def inventory(self) -> None:
        variables = {
            "backup_bucket": BUCKET,
            "aws_region": "eu-west-3",
            "node_is_real": False,
            "aws_endpoint_url": "http://127.0.0.1:4566",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "secret-key-of-tests",
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
        children = {group: {"hosts": hosts} for group, hosts in self.local_nodes().items()}
        inventory = {"all": {"vars": variables, "children": children}}
        (self.path / "ansible/inventory.yml").write_text(yaml.safe_dump(inventory))

    def local_nodes(self) -> dict[str, Any]:
        server = {"pg_backup_pg_bin": "/no/bin", "pg_backup_pg_host": "127.0.0.1", "pg_backup_pg_port": 5433}
        return {
            "managers": {"manager": {"node_prefix": str(self.node("manager", ""))}},
            "databases": {"database": {"node_prefix": str(self.node("database", "")), **server}},
            "workers": {},
        }


def make_workspace(path: Path, **vault: str) -> Workspace:
    shutil.copytree(ANSIBLE, path / "ansible", ignore=GENERATED)
    workspace = Workspace(path)
    workspace.inventory()
    workspace.encrypt(VAULT | ADDRESSES | vault)
    return workspace
