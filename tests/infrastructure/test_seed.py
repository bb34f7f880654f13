"""The course's own commands, typed by hand against LocalStack: they keep working without the pipeline."""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.ansible import inventory
from pipeline.aws import existing
from pipeline.aws.account import Cloud
from pipeline.machine.repository import REPOSITORY
from pipeline.rehearsal.proofs import PROTECTED
from pipeline.servers.localstack import LocalStack
from tests.support.by_hand import Terminal, Typed, terminal

BUCKET = "quickdata-pg-backups-storage-bucket-ppr"
VAULT_PASSWORD = "of the vault"
VAULT = {
    "vault_db_password": "db-password-of-the-seed",
    "vault_nocodb_jwt_secret": "jwt-secret-of-the-seed-0123456789",
    "vault_nocodb_admin_email": "owner@example.org",
    "vault_nocodb_admin_password": "Adm1n-Passw0rd",
}
INVENTED = {
    "backup_bucket": BUCKET,
    "region": "eu-west-3",
    "ssh_user": "admin",
    "data_device_volume_id": "vol-0123456789abcdef0",
    "nodes": {
        role: {"role": role, "private_ip": "10.20.1.5", "instance_id": f"i-{role}"}
        for role in ("manager", "database")
    },
}
"""Outputs of an app that nobody applied: enough for a playbook that must not get far."""


@dataclass
class Session:
    """What a person typed, and what came of it."""

    person: Terminal
    typed: dict[str, Typed] = field(default_factory=dict)

    def type(self, folder: str, line: str, password: str | None = None) -> None:
        self.typed[f"{folder}: {line}"] = self.person.type(folder, *line.split(), password=password)

    def node(self, path: str) -> Path:
        return self.person.workspace / "nodes" / path


def local_nodes(workspace: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    common = {
        "node_is_real": False,
        "ansible_connection": "local",
        "ansible_remote_tmp": str(workspace / ".ansible/tmp"),
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    return common, {
        name: {"node_prefix": str(workspace / "nodes" / name)} for name in ("manager", "database")
    }


def lay_down(person: Terminal, outputs: Mapping[str, Any]) -> None:
    """Write the inventory where ansible.cfg looks for it, and an encrypted vault."""
    common, hosts = local_nodes(person.workspace)
    folder = person.infrastructure / "ansible"
    (folder / "inventory.yml").write_text(inventory.render(outputs, common, hosts))
    password = person.workspace / f"password-{secrets.token_hex(4)}"
    password.write_text(VAULT_PASSWORD)
    encrypt = ("ansible-vault", "encrypt", "--vault-password-file", str(password), "--output")
    person.run("ansible", *encrypt, "group_vars/all/vault.yml", stdin=yaml.safe_dump(VAULT))


@pytest.fixture(scope="module")
def session(localstack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Everything typed once, in the course's order, whatever comes of it."""
    course = {"TF_VAR_bucket_suffix": "PPR", "GITLAB_USER": "student", "GITLAB_PAT": "pat-of-nobody"}
    variables = {name: value for name, value in localstack.environment.items() if name != "AWS_REGION"}
    variables |= course  # with the emulator's key pair, the course's five: none of them says the region
    person = terminal(tmp_path_factory.mktemp("seed"), **variables)
    session = Session(person)
    shutil.copy(REPOSITORY / ".gitignore", person.workspace)
    person.run(".", "git", "init", "--quiet", "..")
    person.run(".", "git", "add", "--all", "..")
    for folder in ("terraS3", "terraform"):
        session.type(folder, f"{person.tofu} init")
        session.type(folder, f"{person.tofu} apply -auto-approve")
    lay_down(person, inventory.outputs(person.run("terraform", person.tofu, "output", "-json")))
    session.type("ansible", "ansible-playbook swarm.yml --ask-vault-password", VAULT_PASSWORD)
    session.type("ansible", "ansible-playbook nocodb.yml --ask-vault-password", VAULT_PASSWORD)
    return session


@pytest.fixture
def unapplied(tmp_path: Path) -> Terminal:
    person = terminal(tmp_path)
    lay_down(person, INVENTED)
    return person


def test_every_command_of_the_course_succeeds(session: Session) -> None:
    failed = {line: typed.said for line, typed in session.typed.items() if typed.exit_code != 0}
    assert failed == {}
    assert len(session.typed) == 6


def test_the_checkout_is_as_clean_as_before(session: Session) -> None:
    """Of what the tools write beside the code, git sees nothing: all that it knows was added before."""
    status = session.person.run(".", "git", "status", "--porcelain", ".").splitlines()
    assert [line for line in status if not line.startswith("A  ")] == []


def test_both_folders_are_applied_without_a_question(session: Session) -> None:
    applied = [typed.said for line, typed in session.typed.items() if "apply" in line]
    assert ["Apply complete!" in said for said in applied] == [True, True]


def test_a_suffix_in_upper_case_names_the_bucket_in_lower_case(session: Session, cloud: Cloud) -> None:
    assert BUCKET in [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]


@pytest.mark.parametrize("folder", ["terraS3", "terraform"])
def test_another_region_than_the_buckets_is_refused_before_anything_is_planned_anew(
    session: Session, folder: str
) -> None:
    person = replace(session.person, environment=session.person.environment | {"TF_VAR_region": "eu-west-1"})
    typed = person.type(folder, person.tofu, "plan", "-no-color")
    said = " ".join(typed.said.replace("│", "").split())
    assert typed.exit_code == 1, typed.said
    assert "The bucket is in eu-west-3, and the region asked for is eu-west-1: set TF_VAR_region" in said


async def test_a_destroy_of_all_but_the_bucket_takes_nothing_of_what_guards_it(
    session: Session, cloud: Cloud
) -> None:
    person, (bucket, *guards) = session.person, PROTECTED
    state = person.infrastructure / "terraS3/terraform.tfstate"
    before = state.read_bytes()
    ways = [[f"-target={each}" for each in guards]]
    if person.tofu == "tofu":  # what its own refusal of a whole destroy advises; Terraform has no -exclude
        ways.append([f"-exclude={bucket}"])
    for way in ways:
        typed = person.type("terraS3", person.tofu, "destroy", "-auto-approve", *way)
        assert (typed.exit_code, "cannot be destroyed" in typed.said) == (1, True), typed.said
    assert state.read_bytes() == before
    assert set(await existing.find_storage(cloud, BUCKET)) == set(PROTECTED)


def test_the_app_takes_the_buckets_name_from_the_storage_state(session: Session) -> None:
    state = json.loads((session.person.infrastructure / "terraform/terraform.tfstate").read_text())
    assert state["outputs"]["backup_bucket"]["value"] == BUCKET


def test_the_playbook_asked_for_the_password_deploys_the_stack_file(session: Session) -> None:
    stack = yaml.safe_load(session.node("manager/opt/quickdata/stack.yml").read_text())
    assert {"db", "nocodb", "adminer"} <= set(stack["services"])


def test_a_wrong_password_is_said_and_nothing_is_written(unapplied: Terminal) -> None:
    typed = unapplied.type(
        "ansible", "ansible-playbook", "nocodb.yml", "--ask-vault-password", password="wrong"
    )
    assert typed.exit_code != 0
    assert "Decryption failed" in typed.said
    assert "Traceback" not in typed.said
    assert not (unapplied.workspace / "nodes").exists()


def test_without_a_password_the_playbook_says_that_one_is_missing(unapplied: Terminal) -> None:
    typed = unapplied.type("ansible", "ansible-playbook", "nocodb.yml")
    assert typed.exit_code != 0
    assert "no vault secrets" in typed.said
    assert not (unapplied.workspace / "nodes").exists()


def test_the_app_cannot_be_applied_before_storage(tmp_path: Path, localstack: LocalStack) -> None:
    person = terminal(tmp_path, TF_VAR_bucket_suffix="early", **localstack.environment)
    person.run("terraform", person.tofu, "init")
    typed = person.type("terraform", person.tofu, "apply", "-auto-approve")
    assert typed.exit_code == 1
    assert "Unable to find remote state" in typed.said
    assert not (person.infrastructure / "terraform/terraform.tfstate").exists()
