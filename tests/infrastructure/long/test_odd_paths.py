"""A checkout, a TMPDIR and a HOME whose names hold a space, an accent and both quotes; and any locale."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import uuid
from pathlib import Path

import boto3
import pytest
import yaml
from anyio import run_process

from pipeline.ansible.playbooks import FOLDER, Ansible
from pipeline.errors import SettingsError
from pipeline.rehearsal import cron
from pipeline.rehearsal.local_nodes import common
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.servers import postgres as embedded
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.steps.step import Step
from pipeline.targets import aws
from pipeline.tofu import binary as tools
from pipeline.tofu.download import find_or_download_tofu
from tests.support.ansible_workspace import BUCKET, TOOLS, VAULT_PASSWORD, make_workspace
from tests.support.recording_proxy import forget_the_network, index_of, recording_proxy

ODD = "My Projects/é'x\"y"
REQUIREMENTS = Path(FOLDER) / "roles/pg_backup/files/requirements.txt"
PASSWORD = "of-the-index-0123"
DATABASE = f"odd_{uuid.uuid4().hex[:8]}"
NODE = Path("infrastructure/nodes/database")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    forget_the_network(monkeypatch)
    found = tmp_path / ODD
    found.mkdir(parents=True)
    return found


def inventory(root: Path, aws: LocalStack, server: Postgres) -> None:
    file = root / FOLDER / "inventory.yml"
    found = yaml.safe_load(file.read_text())
    found["all"]["vars"] |= common() | {"aws_endpoint_url": aws.endpoint}
    found["all"]["children"]["databases"]["hosts"]["database"] |= {
        "database_name": DATABASE,
        "pg_backup_pg_bin": str(server.bin),
        "pg_backup_pg_host": server.host,
        "pg_backup_pg_port": server.port,
    }
    file.write_text(yaml.safe_dump(found))


def packages_of_the_tests(requirements: str) -> dict[str, bytes]:
    """Return an index of packages that hold nothing; one of them lends those of the tests."""
    pinned = re.findall(r"^([\w-]+)==(\S+)$", requirements, re.MULTILINE)
    lent = {"boto3": {"lent.pth": f"{sysconfig.get_path('purelib')}\n"}}
    pages = (index_of(name, version, lent.get(name, {})) for name, version in pinned)
    return {url: body for page in pages for url, body in page.items()}


async def test_a_local_node_gets_its_packages_by_the_proxy_and_crons_line_backs_up_below_any_name(
    odd: Path, localstack: LocalStack, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace(odd / "infrastructure", vault_db_password=postgres.password)
    inventory(odd, localstack, postgres)
    postgres.psql(f"create database {DATABASE}")
    s3 = boto3.Session("test", "test", region_name=localstack.region).client(
        "s3", endpoint_url=localstack.endpoint
    )
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": localstack.region})
    with recording_proxy(packages_of_the_tests((odd / REQUIREMENTS).read_text())) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://somebody:{PASSWORD}@packages.invalid/simple")
        monkeypatch.setenv("PIP_TRUSTED_HOST", "packages.invalid")
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        runner = HostRunner(odd, {"VAULT_PASSWORD": VAULT_PASSWORD}, Progress(), (TOOLS,), odd / "home")
        for directory in ("home", NODE / "srv/quickdata/nocodb"):  # swarm.yml makes the second one
            (odd / directory).mkdir(parents=True)
        script = odd / FOLDER / "vault-password.sh"
        ansible = Ansible({"ANSIBLE_VAULT_PASSWORD_FILE": str(script)}, ("VAULT_PASSWORD",))
        played = await runner.run(ansible.playbook("backup.yml"))
        assert PASSWORD not in played.check().stdout + played.stderr
        entry = cron.read((odd / NODE / "etc/cron.d/quickdata-pg-backup").read_text())
        (await runner.run(Step("cron", entry.command(str(odd / NODE))))).check()
        age = ("usr/local/sbin/check-backup-age.sh", "--config", "etc/quickdata/pg-backup.conf")
        words = [word if word.startswith("--") else str(odd / NODE / word) for word in age]
        (await runner.run(ansible.on_database("age", *words))).check()
    keys = [
        each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"postgres/{DATABASE}/")["Contents"]
    ]
    assert [key for key in keys if key.endswith("/manifest.json")]
    assert proxy.asked
    assert all(asked.startswith("GET http://packages.invalid/simple/") for asked in proxy.asked)


async def test_postgresql_and_its_dumps_run_below_any_name(
    odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = embedded.binaries()
    packages = programs.parents[2]
    for each in (programs.parent, packages / embedded.LIBRARIES):
        shutil.copytree(each, odd / each.relative_to(packages))
    monkeypatch.setattr(embedded, "binaries", lambda: odd / programs.relative_to(packages))
    async with embedded.postgres(odd / "server") as server:
        command = [str(server.bin / "pg_dumpall"), "--globals-only"]
        dumped = await run_process(command, env=server.environment)
        assert f"ROLE {server.user}" in dumped.stdout.decode()
    assert not server.bin.exists()


def test_a_deployment_over_ssh_refuses_a_quotation_mark_that_ansible_cannot_pass_on(
    odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(odd))
    with pytest.raises(SettingsError, match="HOME is /"):
        aws._require_names_for_ssh()


@pytest.mark.parametrize("name", [ODD, '${x"y'])
def test_opentofu_finds_its_provider_below_any_name(tmp_path: Path, name: str) -> None:
    where = tools.PROVIDER / tools.PROVIDER_VERSION / tools.this_platform()
    provider, stack = tmp_path / name / where, tmp_path / name / "stack"
    for directory in (provider, stack):
        directory.mkdir(parents=True)
    (provider / f"terraform-provider-aws_v{tools.PROVIDER_VERSION}").touch(0o755)
    needed = f'aws = {{ source = "{tools.PROVIDER}" }}'
    (stack / "main.tf").write_text(f"terraform {{\n  required_providers {{\n    {needed}\n  }}\n}}\n")
    file = tools.mirror_configuration(provider, tmp_path / name / "tofu")
    env = {"TF_CLI_CONFIG_FILE": str(file), "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    command = [str(find_or_download_tofu()), "init", "-no-color"]
    done = subprocess.run(command, cwd=stack, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    installed = stack / ".terraform/providers" / where
    assert installed.resolve() == provider


@pytest.mark.parametrize("locale", ["C", "POSIX", "xx_YY.UTF-8"])
def test_python_starts_in_any_locale_below_any_name(tmp_path: Path, locale: str) -> None:
    """What names the checkout in the environment of the tests is laid into one below the name, as it is."""
    checkout = tmp_path / ODD
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    (checkout / "pipeline").mkdir()
    (checkout / "pipeline/__init__.py").write_text("WHERE = __file__\n")
    packages = Path(sysconfig.get_path("purelib"))
    for file in packages.glob("*quickdata*.pth"):
        below = checkout / ".venv" / packages.relative_to(sys.prefix)
        (below / file.name).write_text(file.read_text().replace(str(TOOLS.parents[1]), str(checkout)))
    command = [
        checkout / ".venv/bin/python",
        "-P",
        "-c",
        "import json, pipeline; print(json.dumps(pipeline.WHERE))",
    ]
    done = subprocess.run(command, env={"LC_ALL": locale}, cwd="/", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert Path(json.loads(done.stdout)).resolve() == checkout / "pipeline/__init__.py"
