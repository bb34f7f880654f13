"""The playbooks, run on local nodes: what they write, and that a second run is quiet."""

import json
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from pipeline.ansible.check_mode import read_prediction
from pipeline.rehearsal import cron
from pipeline.steps.step import Result, Step
from tests.support.ansible_workspace import (
    ANSIBLE,
    BUCKET,
    VAULT,
    Run,
    Workspace,
    make_workspace,
)

PLAYBOOKS = ("swarm", "nocodb", "backup")
SECRETS = [value for name, value in VAULT.items() if not name.endswith("email")]


@pytest.fixture(scope="module", autouse=True)
def runs(playbooks: Workspace) -> dict[str, list[Run]]:
    """The first and the second run of each playbook."""

    def twice(*names: str) -> dict[str, list[Run]]:
        first = {name: playbooks.play(name) for name in names}
        return {name: [first[name], playbooks.play(name)] for name in names}

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
    return [path for path in nodes if path.is_file() and "python" not in path.parts]


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
    playbooks: Workspace, runs: dict[str, list[Run]], playbook: str
) -> None:
    run = playbooks.play(playbook, "--check")
    assert (run.exit_code, run.changed) == (0, 0), run.output


def test_check_mode_tells_a_newer_image_and_writes_nothing(playbooks: Workspace) -> None:
    images = yaml.safe_load((ANSIBLE / "group_vars/all/images.yml").read_text())["images"]
    before = {path: path.read_bytes() for path in files_of(playbooks)}
    newer = json.dumps({"images": images | {"db": "postgres:18.99"}})
    run = playbooks.play("nocodb", "--check", "--diff", "-e", newer)
    assert (run.exit_code, run.changed) == (0, 1), run.output
    found = read_prediction(Result(Step("check mode", ()), 0, run.output, "", 0.0))
    assert found.images == (f"db: {images['db']} → postgres:18.99",)
    assert {path: path.read_bytes() for path in files_of(playbooks)} == before


def test_the_rendered_stack_is_a_valid_compose_file(playbooks: Workspace, other: Workspace) -> None:
    stacks = [str(each.node("manager", "opt/quickdata/stack.yml")) for each in (playbooks, other)]
    checked = playbooks.command("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *stacks)
    assert checked.exit_code == 0, checked.output
    assert set(playbooks.stack["services"]) == {"db", "nocodb", "adminer"}
    assert set(other.stack["services"]) == {"db", "nocodb", "adminer", "proxy"}


def test_every_image_has_a_version_and_comes_from_the_one_file(playbooks: Workspace) -> None:
    images = yaml.safe_load((ANSIBLE / "group_vars/all/images.yml").read_text())["images"]
    for name, service in playbooks.stack["services"].items():
        assert service["image"] == images[name]
        assert re.search(r":v?\d+\.\d+[^:/]*$", service["image"])


def test_nocodb_and_its_database_stay_on_the_database_node(playbooks: Workspace) -> None:
    for name in ("db", "nocodb"):
        placement = playbooks.stack["services"][name]["deploy"]["placement"]
        assert placement == {"constraints": ["node.labels.role == database"]}


def test_no_service_needs_the_ingress_network_and_the_database_is_closed(playbooks: Workspace) -> None:
    services = playbooks.stack["services"]
    assert "ports" not in services["db"]
    assert all(service["deploy"]["endpoint_mode"] == "dnsrr" for service in services.values())
    assert all(port["mode"] == "host" for service in services.values() for port in service.get("ports", []))


def test_postgresql_18_keeps_its_data_on_the_data_volume(playbooks: Workspace) -> None:
    mounts = playbooks.stack["services"]["db"]["volumes"]
    assert {"type": "bind", "source": "/srv/quickdata/postgresql", "target": "/var/lib/postgresql"} in mounts


def test_every_service_is_checked_and_rolled_back_when_an_update_fails(playbooks: Workspace) -> None:
    for service in playbooks.stack["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["deploy"]["update_config"]["failure_action"] == "rollback"
        assert service["deploy"]["resources"]["limits"]["memory"]


def test_a_secret_is_in_no_rendered_file_but_those_of_mode_0600(playbooks: Workspace) -> None:
    contents = {path: path.read_text() for path in files_of(playbooks)}
    assert not [path for path, text in contents.items() if "of-tests" in text and mode_of(path) != 0o600]
    assert not [path for path, text in contents.items() for secret in SECRETS if secret in text]


def test_no_output_shows_a_secret(runs: dict[str, list[Run]]) -> None:
    for run in (run for pair in runs.values() for run in pair):
        assert not [
            secret for secret in [*SECRETS, "secret-key-of-tests", "address-of-tests"] if secret in run.output
        ]


def test_the_scripts_configuration_is_readable_by_its_owner_only(playbooks: Workspace) -> None:
    for name in ("pg-backup.conf", "pgpass"):
        assert mode_of(playbooks.node("database", f"etc/quickdata/{name}")) == 0o600


def test_the_configuration_names_the_injected_bucket_and_the_local_server(playbooks: Workspace) -> None:
    config = playbooks.node("database", "etc/quickdata/pg-backup.conf").read_text()
    values = dict(re.findall(r"^([A-Z_]+)='(.*)'$", config, re.MULTILINE))
    assert values["BACKUP_BUCKET"] == BUCKET
    assert (values["PG_SERVICE"], values["PGHOST"], values["PGPORT"]) == ("", "127.0.0.1", "5433")
    assert all(Path(values[name]).is_dir() for name in ("STATE_DIR", "ATTACHMENTS_DIR"))


def test_no_other_user_can_hold_the_scripts_lock(playbooks: Workspace) -> None:
    config = playbooks.node("database", "etc/quickdata/pg-backup.conf").read_text()
    lock = re.search(r"^LOCK_FILE='(.*)'$", config, re.MULTILINE)
    assert lock and mode_of(Path(lock[1]).parent) == 0o700


def test_the_scripts_read_every_value_of_their_configuration(playbooks: Workspace) -> None:
    config = playbooks.node("database", "etc/quickdata/pg-backup.conf").read_text()
    program = "".join(path.read_text() for path in ANSIBLE.glob("roles/pg_backup/files/*/*.py"))
    keys = set(re.findall(r"^(?!PG[A-Z])([A-Z_]+)=", config, re.MULTILINE))
    keys -= {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "NO_PROXY"}  # boto3 does
    assert "DATABASE" in keys
    assert not [key for key in keys if not re.search(rf"\b{key}\b", program)]


def test_a_colon_in_the_password_is_escaped_in_pgpass(playbooks: Workspace) -> None:
    pgpass = playbooks.node("database", "etc/quickdata/pgpass").read_text()
    assert pgpass == "127.0.0.1:5433:*:admin:db\\:Passw0rd#of-tests\n"


def test_the_commands_find_all_that_they_need(playbooks: Workspace) -> None:
    for name in ("backup-pg.sh", "restore-pg-latest.sh", "check-backup-age.sh"):
        command = playbooks.node("database", f"usr/local/sbin/{name}")
        assert len(command.read_text().splitlines()) == 3
        assert playbooks.command(str(command), "--help").output.startswith(f"Usage: {name} --config FILE")


def test_cron_runs_the_installed_script_with_the_installed_configuration(playbooks: Workspace) -> None:
    lines = playbooks.node("database", "etc/cron.d/quickdata-pg-backup").read_text().splitlines()
    command = re.fullmatch(r"17 2 \* \* \* root (\S+) --config (\S+) >> (\S+) 2>&1", lines[-1])
    assert command is not None
    script, config, log = map(Path, command.groups())
    assert (os.access(script, os.X_OK), config.is_file(), log.parent.is_dir()) == (True, True, True)


def test_cron_looks_at_the_age_of_the_backups_where_there_is_no_systemd(playbooks: Workspace) -> None:
    entry = cron.read(playbooks.node("database", "etc/cron.d/quickdata-pg-backup-age").read_text())
    script, option, config, *log = entry.line.split()
    assert (entry.user, os.access(script, os.X_OK), option) == ("root", True, "--config")
    assert Path(config) == playbooks.node("database", "etc/quickdata/pg-backup.conf")
    assert "MAX_AGE_HOURS='26'" in Path(config).read_text()
    assert (log[0], Path(log[1]).parent.is_dir(), log[2]) == (">>", True, "2>&1")


def test_with_a_domain_only_the_proxy_is_open(other: Workspace) -> None:
    services = other.stack["services"]
    assert "ports" not in services["nocodb"]
    assert [port["published"] for port in services["proxy"]["ports"]] == [80, 443]


def test_a_changed_password_gives_nocodb_a_new_secret_and_does_not_restart_the_database(
    playbooks: Workspace, other: Workspace
) -> None:
    before = {name: secret["name"] for name, secret in playbooks.stack["secrets"].items()}
    after = {name: secret["name"] for name, secret in other.stack["secrets"].items()}
    assert {name for name in before if before[name] != after[name]} == {"nocodb_db"}
