"""The playbooks, run on local nodes: what they write, what they refuse, and that a second run is quiet."""

import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from pipeline.ansible.check_mode import predicted
from pipeline.rehearsal import cron
from pipeline.steps.step import Result, Step
from tests.support.ansible_workspace import (
    ANSIBLE,
    BUCKET,
    TOOLS,
    VAULT,
    VAULT_PASSWORD,
    Run,
    Workspace,
    make_workspace,
)

pytestmark = pytest.mark.xdist_group("ansible")

PLAYBOOKS = ("swarm", "nocodb", "backup")
SECRETS = [value for name, value in VAULT.items() if not name.endswith("email")]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("ansible"))


def lint() -> Run:
    environment = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    argv = [str(TOOLS / "ansible-lint"), "--profile", "production", "--offline", "--nocolor"]
    done = subprocess.run(argv, check=False, cwd=ANSIBLE, env=environment, capture_output=True, text=True)
    return Run(done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def linted() -> Iterator[Future[Run]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(lint)


@pytest.fixture(scope="module", autouse=True)
def runs(workspace: Workspace, linted: Future[Run]) -> dict[str, list[Run]]:
    """The first and the second run of each playbook; lint goes on beside them."""

    def twice(*playbooks: str) -> dict[str, list[Run]]:
        first = {playbook: workspace.play(playbook) for playbook in playbooks}
        return {playbook: [first[playbook], workspace.play(playbook)] for playbook in playbooks}

    with ThreadPoolExecutor() as pool:
        chains = [pool.submit(twice, "swarm", "nocodb"), pool.submit(twice, "backup")]
        return chains[0].result() | chains[1].result()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The same with a domain and another password for the database."""
    workspace = make_workspace(tmp_path_factory.mktemp("other"), vault_db_password="another-Passw0rd")
    run = workspace.play("nocodb", "-e", "nocodb_domain=data.example.org")
    assert run.exit_code == 0, run.output
    return workspace


def files_of(workspace: Workspace) -> list[Path]:
    nodes = (workspace.path / "nodes").rglob("*")
    return [path for path in nodes if path.is_file() and "awscli" not in path.parts]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_second_run_changes_nothing(runs: dict[str, list[Run]], playbook: str) -> None:
    first, second = runs[playbook]
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert first.changed > 0
    assert second.changed == 0


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_check_mode_tells_no_change_where_there_is_none(
    workspace: Workspace, runs: dict[str, list[Run]], playbook: str
) -> None:
    run = workspace.play(playbook, "--check")
    assert (run.exit_code, run.changed) == (0, 0), run.output


def test_check_mode_tells_a_newer_image_and_writes_nothing(workspace: Workspace) -> None:
    images = yaml.safe_load((ANSIBLE / "group_vars/all/images.yml").read_text())["images"]
    before = {path: path.read_bytes() for path in files_of(workspace)}
    newer = json.dumps({"images": images | {"db": "postgres:18.99"}})
    run = workspace.play("nocodb", "--check", "--diff", "-e", newer)
    assert (run.exit_code, run.changed) == (0, 1), run.output
    found = predicted(Result(Step("check mode", ()), 0, run.output, "", 0.0))
    assert found.images == (f"db: {images['db']} → postgres:18.99",)
    assert {path: path.read_bytes() for path in files_of(workspace)} == before


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


def test_the_rendered_stack_is_a_valid_compose_file(workspace: Workspace, other: Workspace) -> None:
    stacks = [str(each.node("manager", "opt/quickdata/stack.yml")) for each in (workspace, other)]
    checked = workspace.command("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *stacks)
    assert checked.exit_code == 0, checked.output
    assert set(workspace.stack["services"]) == {"db", "nocodb", "adminer"}
    assert set(other.stack["services"]) == {"db", "nocodb", "adminer", "proxy"}


def test_every_image_has_a_version_and_comes_from_the_one_file(workspace: Workspace) -> None:
    images = yaml.safe_load((ANSIBLE / "group_vars/all/images.yml").read_text())["images"]
    for name, service in workspace.stack["services"].items():
        assert service["image"] == images[name]
        assert re.search(r":v?\d+\.\d+[^:/]*$", service["image"])


def test_nocodb_and_its_database_stay_on_the_database_node(workspace: Workspace) -> None:
    for name in ("db", "nocodb"):
        placement = workspace.stack["services"][name]["deploy"]["placement"]
        assert placement == {"constraints": ["node.labels.role == database"]}


def test_no_service_needs_the_ingress_network_and_the_database_is_closed(workspace: Workspace) -> None:
    services = workspace.stack["services"]
    assert "ports" not in services["db"]
    assert all(service["deploy"]["endpoint_mode"] == "dnsrr" for service in services.values())
    assert all(port["mode"] == "host" for service in services.values() for port in service.get("ports", []))


def test_postgresql_18_keeps_its_data_on_the_data_volume(workspace: Workspace) -> None:
    mounts = workspace.stack["services"]["db"]["volumes"]
    assert {"type": "bind", "source": "/srv/quickdata/postgresql", "target": "/var/lib/postgresql"} in mounts


def test_every_service_is_checked_and_rolled_back_when_an_update_fails(workspace: Workspace) -> None:
    for service in workspace.stack["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["deploy"]["update_config"]["failure_action"] == "rollback"
        assert service["deploy"]["resources"]["limits"]["memory"]


def test_a_secret_is_in_no_rendered_file_but_those_of_mode_0600(workspace: Workspace) -> None:
    contents = {path: path.read_text() for path in files_of(workspace)}
    assert not [path for path, text in contents.items() if "of-tests" in text and mode_of(path) != 0o600]
    assert not [path for path, text in contents.items() for secret in SECRETS if secret in text]


def test_no_output_shows_a_secret(runs: dict[str, list[Run]]) -> None:
    for run in (run for pair in runs.values() for run in pair):
        assert not [secret for secret in [*SECRETS, "secret-key-of-tests"] if secret in run.output]


def test_the_scripts_configuration_is_readable_by_its_owner_only(workspace: Workspace) -> None:
    for name in ("pg-backup.conf", "pgpass"):
        assert mode_of(workspace.node("database", f"etc/quickdata/{name}")) == 0o600


def test_the_configuration_names_the_injected_bucket_and_the_local_server(workspace: Workspace) -> None:
    config = workspace.node("database", "etc/quickdata/pg-backup.conf").read_text()
    values = dict(re.findall(r"^([A-Z_]+)='(.*)'$", config, re.MULTILINE))
    assert values["BACKUP_BUCKET"] == BUCKET
    assert (values["PG_SERVICE"], values["PGHOST"], values["PGPORT"]) == ("", "127.0.0.1", "5433")
    assert all(Path(values[name]).is_dir() for name in ("STATE_DIR", "ATTACHMENTS_DIR"))


def test_no_other_user_can_hold_the_scripts_lock(workspace: Workspace) -> None:
    config = workspace.node("database", "etc/quickdata/pg-backup.conf").read_text()
    lock = re.search(r"^LOCK_FILE='(.*)'$", config, re.MULTILINE)
    assert lock and mode_of(Path(lock[1]).parent) == 0o700


def test_the_scripts_read_every_value_of_their_configuration(workspace: Workspace) -> None:
    config = workspace.node("database", "etc/quickdata/pg-backup.conf").read_text()
    scripts = "".join(path.read_text() for path in ANSIBLE.glob("roles/pg_backup/files/*.sh"))
    keys = set(re.findall(r"^(?!PG[A-Z])([A-Z_]+)=", config, re.MULTILINE))
    keys -= {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "NO_PROXY"}  # awscli does
    assert "DATABASE" in keys
    assert not [key for key in keys if not re.search(rf"\b{key}\b", scripts)]


def test_a_colon_in_the_password_is_escaped_in_pgpass(workspace: Workspace) -> None:
    pgpass = workspace.node("database", "etc/quickdata/pgpass").read_text()
    assert pgpass == "127.0.0.1:5433:*:admin:db\\:Passw0rd#of-tests\n"


def test_awscli_is_new_enough_for_conditional_writes(workspace: Workspace) -> None:
    aws = workspace.node("database", "opt/quickdata/aws")
    version = re.match(r"aws-cli/(\d+)\.(\d+)", workspace.command(str(aws), "--version").output)
    assert version is not None
    assert (int(version[1]), int(version[2])) >= (1, 46)


def test_cron_runs_the_installed_script_with_the_installed_configuration(workspace: Workspace) -> None:
    lines = workspace.node("database", "etc/cron.d/quickdata-pg-backup").read_text().splitlines()
    command = re.fullmatch(r"17 2 \* \* \* root (\S+) --config (\S+) >> (\S+) 2>&1", lines[-1])
    assert command is not None
    script, config, log = map(Path, command.groups())
    assert (os.access(script, os.X_OK), config.is_file(), log.parent.is_dir()) == (True, True, True)


def test_cron_looks_at_the_age_of_the_backups_where_there_is_no_systemd(workspace: Workspace) -> None:
    entry = cron.read(workspace.node("database", "etc/cron.d/quickdata-pg-backup-age").read_text())
    script, option, config, *log = entry.line.split()
    assert (entry.user, os.access(script, os.X_OK), option) == ("root", True, "--config")
    assert Path(config) == workspace.node("database", "etc/quickdata/pg-backup.conf")
    assert "MAX_AGE_HOURS='26'" in Path(config).read_text()
    assert (log[0], Path(log[1]).parent.is_dir(), log[2]) == (">>", True, "2>&1")


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze, which judges units, is missing"
)
def test_systemd_looks_at_the_age_of_the_backups_where_it_runs(workspace: Workspace) -> None:
    workspace.node("database", "run/systemd/system").mkdir(parents=True)
    runs = [workspace.play("backup") for _ in range(2)]
    shutil.rmtree(workspace.node("database", "run"))
    assert [(run.exit_code, run.changed) for run in runs] == [(0, 1), (0, 0)], runs[0].output
    units = sorted(workspace.node("database", "etc/systemd/system").iterdir())
    assert [unit.name for unit in units] == [
        f"quickdata-pg-backup-age.{kind}" for kind in ("service", "timer")
    ]
    judged = workspace.command("systemd-analyze", "verify", "--man=no", *map(str, units))
    assert (judged.exit_code, judged.output) == (0, "")


def test_with_a_domain_only_the_proxy_is_open(other: Workspace) -> None:
    services = other.stack["services"]
    assert "ports" not in services["nocodb"]
    assert [port["published"] for port in services["proxy"]["ports"]] == [80, 443]


def test_a_changed_password_gives_nocodb_a_new_secret_and_does_not_restart_the_database(
    workspace: Workspace, other: Workspace
) -> None:
    before = {name: secret["name"] for name, secret in workspace.stack["secrets"].items()}
    after = {name: secret["name"] for name, secret in other.stack["secrets"].items()}
    assert {name for name in before if before[name] != after[name]} == {"nocodb_db"}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_zero_hosts_is_an_error(workspace: Workspace, tmp_path: Path, playbook: str) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("all: {children: {managers: {}, databases: {}}}")
    run = workspace.play(playbook, "-i", str(empty))
    assert run.exit_code != 0
    assert re.search("No host, or more than one, in group .*databases", run.output)


@pytest.mark.parametrize(
    ("playbook", "missing"),
    [("nocodb", ["vault_db_password", "vault_nocodb_admin_email"]), ("backup", ["vault_db_password"])],
)
def test_missing_vault_variables_are_named_with_the_mend(
    workspace: Workspace, playbook: str, missing: list[str]
) -> None:
    run = workspace.play(playbook, "--check", "-e", json.dumps(dict.fromkeys(missing, "")))
    assert run.exit_code != 0
    assert f"{', '.join(missing)}. vault.yml.example lists every variable" in run.output


def test_a_wrong_vault_password_fails(workspace: Workspace) -> None:
    run = workspace.play("nocodb", VAULT_PASSWORD="another")
    assert run.exit_code != 0
    assert "Decryption failed" in run.output


def test_the_vault_password_is_asked_at_a_terminal(workspace: Workspace) -> None:
    environment = workspace.environment()
    del environment["ANSIBLE_VAULT_PASSWORD_FILE"], environment["VAULT_PASSWORD"]
    child = pexpect.spawn(
        str(TOOLS / "ansible-playbook"),
        ["nocodb.yml", "--ask-vault-password"],
        cwd=str(workspace.path / "ansible"),
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
def test_malformed_input_is_refused(workspace: Workspace, playbook: str, given: Any, said: str) -> None:
    # --check: were it not refused, it must not reach this machine either.
    run = workspace.play(playbook, "--check", "-e", json.dumps(given))
    assert run.exit_code != 0
    assert said in run.output


def test_ansible_lint_finds_nothing_in_its_production_profile(linted: Future[Run]) -> None:
    assert linted.result().exit_code == 0, linted.result().output
