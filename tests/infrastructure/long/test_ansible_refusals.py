"""The playbooks, on local nodes: what they refuse before anything is changed, and the vault's password."""

import json
import re
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from tests.support.ansible_workspace import ANSIBLE, TOOLS, VAULT_PASSWORD, Workspace, make_workspace


@pytest.mark.parametrize(
    ("image", "fits"), [("postgres:18.99-bookworm", True), ("postgres:19.1-bookworm", False)]
)
def test_data_of_another_major_version_of_postgresql_is_refused_before_the_stack_is_touched(
    tmp_path: Path, image: str, fits: bool
) -> None:
    workspace = make_workspace(tmp_path)
    version = workspace.node("database", "srv/quickdata/postgresql/18/docker/PG_VERSION")
    version.parent.mkdir(parents=True)
    version.write_text("18\n")
    images = yaml.safe_load((ANSIBLE / "group_vars/all/images.yml").read_text())["images"]
    run = workspace.play("nocodb", "-e", json.dumps({"images": images | {"db": image}}))
    assert (run.exit_code == 0) is fits, run.output
    assert workspace.node("manager", "opt/quickdata/stack.yml").exists() is fits
    assert (f"{image} would start empty: the data on this node is of PostgreSQL 18" in run.output) is not fits


@pytest.mark.parametrize(
    ("name", "value"), [("vault_db_password", "short"), ("vault_nocodb_jwt_secret", ""), ("", "")]
)
def test_unusable_secrets_are_found_before_any_node_is_there(tmp_path: Path, name: str, value: str) -> None:
    workspace = make_workspace(tmp_path, **({name: value} if name else {}))
    (tmp_path / "ansible/inventory.yml").unlink()
    run = workspace.play("check", "-i", "localhost,")
    assert (run.exit_code == 0) is (name == ""), run.output
    assert name in run.output


@pytest.mark.parametrize("playbook", ["swarm", "nocodb", "backup"])
def test_zero_hosts_is_an_error(playbooks: Workspace, tmp_path: Path, playbook: str) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("all: {children: {managers: {}, databases: {}}}")
    run = playbooks.play(playbook, "-i", str(empty))
    assert run.exit_code != 0
    assert re.search("No host, or more than one, in group .*databases", run.output)


@pytest.mark.parametrize(
    ("playbook", "missing"),
    [("nocodb", ["vault_db_password", "vault_nocodb_admin_email"]), ("backup", ["vault_db_password"])],
)
def test_missing_vault_variables_are_named_with_the_fix(
    playbooks: Workspace, playbook: str, missing: list[str]
) -> None:
    run = playbooks.play(playbook, "--check", "-e", json.dumps(dict.fromkeys(missing, "")))
    assert run.exit_code != 0
    assert f"{', '.join(missing)}. vault.yml.example lists every variable" in run.output


def test_a_wrong_vault_password_fails(playbooks: Workspace) -> None:
    run = playbooks.play("nocodb", VAULT_PASSWORD="another")
    assert run.exit_code != 0
    assert "Decryption failed" in run.output


def test_the_vault_password_is_asked_at_a_terminal(playbooks: Workspace) -> None:
    environment = playbooks.environment()
    del environment["ANSIBLE_VAULT_PASSWORD_FILE"], environment["VAULT_PASSWORD"]
    child = pexpect.spawn(
        str(TOOLS / "ansible-playbook"),
        ["nocodb.yml", "--ask-vault-password"],
        cwd=str(playbooks.path / "ansible"),
        env=environment,
        encoding="utf-8",
        timeout=60,
    )
    child.expect("Vault password:")
    child.sendline(VAULT_PASSWORD)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before


@pytest.mark.parametrize(
    ("playbook", "given", "said"),
    [
        ("backup", {"backup_bucket": ""}, "backup_bucket must be the bucket's name"),
        ("backup", {"aws_region": "Paris"}, "aws_region must be like eu-west-3"),
        ("backup", {"pg_backup_pg_host": ""}, "pg_backup_pg_host is missing"),
        ("backup", {"pg_backup_max_age_hours": 0}, "pg_backup_max_age_hours must be 1 or more"),
        ("backup", {"pg_backup_ping_url": "hc-ping.com/canary"}, "must be like https://hc-ping.com/UUID"),
        (
            "backup",
            {"pg_backup_ping_url": "https://hc-ping.com/a canary"},
            "must be like https://hc-ping.com",
        ),
        ("backup", {"pg_backup_notify": ["json://x:canary@y", "mailto://canary x"]}, "without blanks"),
        ("backup", {"pg_backup_notify": {"canary": "x"}}, "pg_backup_notify"),
        ("backup", {"pg_backup_notify": [{"url": "canary"}]}, "pg_backup_notify"),
        ("swarm", {"data_volume_id": "sdf"}, "data_volume_id must be like vol-"),
        ("swarm", {"node_prefix": ""}, "an absolute node_prefix"),
        ("swarm", {"node_prefix": "/"}, "an absolute node_prefix"),
        ("swarm", {"node_is_real": True}, "must be either real and remote"),
        ("nocodb", {"nocodb_domain": "https://x"}, "nocodb_domain must be like data.example.org"),
        ("nocodb", {"nocodb_registry_user": "someone"}, "Set GITLAB_USER and GITLAB_PAT both, or neither"),
        ("nocodb", {"nocodb_tls": "none"}, "value of nocodb_tls must be one of: acme, internal"),
        ("nocodb", {"images": {"db": "postgres"}}, "missing required arguments: adminer, nocodb, proxy"),
    ],
)
def test_malformed_input_is_refused(playbooks: Workspace, playbook: str, given: Any, said: str) -> None:
    # --check: were it not refused, it must not reach this machine either.
    run = playbooks.play(
        playbook, "--check", "-vvv", "-e", json.dumps(given), ANSIBLE_STDOUT_CALLBACK="default"
    )
    assert run.exit_code != 0
    assert said in run.output
    assert "canary" not in run.output


def test_a_url_that_apprise_does_not_take_is_told_by_its_number(playbooks: Workspace) -> None:
    given = {"pg_backup_notify": ["json://x:canary@127.0.0.1/", "nobody://canary"]}
    run = playbooks.play("backup", "-vvv", "-e", json.dumps(given), ANSIBLE_STDOUT_CALLBACK="default")
    assert run.exit_code != 0
    assert "Apprise does not accept URL 2 of pg_backup_notify" in run.output
    assert "canary" not in run.output
