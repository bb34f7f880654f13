"""The deployment of a rehearsal: LocalStack for AWS, two local nodes for the machines."""

import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import yaml

from pipeline import tools
from pipeline.ansible import FOLDER, Ansible
from pipeline.deployment import DATABASE, Deployment
from pipeline.errors import SettingsError
from pipeline.host import HostRunner
from pipeline.progress import Progress
from pipeline.rehearsal.database import Database
from pipeline.rehearsal.localstack import ACCOUNT
from pipeline.rehearsal.surroundings import Surroundings, surroundings
from pipeline.report import Report
from pipeline.step import Step
from pipeline.storage import Cloud
from pipeline.tofu import Stack
from pipeline.workbench import Workbench

ADMIN_CIDR = "203.0.113.0/24"
"""Documentation addresses (RFC 5737): the security groups of a rehearsal open to nobody."""
SSH_PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2dV8kV9QeXxTzmS0Wc2d1yC9k3mJ4H5n6o7p8q9r0s rehearsal"
"""A public key that belongs to nobody: local nodes are not reached by SSH."""
VAULT = FOLDER / "group_vars/all/vault.yml"


Place = Callable[[Progress], AbstractAsyncContextManager[tuple[Surroundings, Workbench]]]
"""Where a rehearsal happens: on this machine, or in containers."""


@asynccontextmanager
async def this_machine(progress: Progress) -> AsyncIterator[tuple[Surroundings, Workbench]]:
    """Rehearse on this machine: the servers and the steps are its processes.

    Args:
        progress: told of everything that happens.

    Raises:
        ToolError: a server did not start, or a tool is missing and cannot be had.
    """
    async with surroundings() as around:
        yield around, _workbench(around, progress)


def _workbench(around: Surroundings, progress: Progress) -> Workbench:
    workspace = Path(around.workspace)
    home = workspace / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    runner = HostRunner(workspace, held(around), progress, (Path(sys.executable).parent,), home)
    tofu = str(tools.find_tofu() or tools.download_tofu())
    return Workbench(runner, tofu, tools.provider_environment(workspace / ".tofu"))


def held(around: Surroundings) -> dict[str, str]:
    """Return the secrets that the steps of a rehearsal need; the vault's password is made here."""
    return {"VAULT_PASSWORD": secrets.token_urlsafe(18), "PGPASSWORD": around.database.password}


def local_deployment(
    around: Surroundings, suffix: str, progress: Progress, report: Report, bench: Workbench | None = None
) -> Deployment:
    """Return the deployment of a rehearsal.

    Args:
        around: the servers and the workspace.
        suffix: the deployment's suffix, lower case.
        progress: told of everything that happens.
        report: notes every step.
        bench: executes the steps in that workspace; None is this machine.

    Raises:
        ToolError: a tool is missing and cannot be had.
    """
    bench = bench or _workbench(around, progress)
    tofu, env = bench.tofu, {**_tofu_env(around, suffix), **bench.env}
    cloud = Cloud(_keys(around), around.aws.region, around.aws.endpoint)
    return Deployment(
        suffix=suffix,
        cloud=cloud,
        runner=bench.runner,
        progress=progress,
        report=report,
        storage=Stack("storage", PurePosixPath("infrastructure/terraS3"), tofu, env),
        app=Stack("app", PurePosixPath("infrastructure/terraform"), tofu, env),
        ansible=_ansible(around.workspace),
        common=_common(around),
        hosts=_hosts(around),
        real_nodes=False,
    )


async def prepare(d: Deployment, around: Surroundings) -> None:
    """Make sure that nothing real is touched, then lay down a vault and the database's first data.

    Raises:
        SettingsError: the endpoint is not the emulator.
        PipelineError: a step failed.
    """
    account = await d.cloud.account()
    if account != ACCOUNT:
        raise SettingsError(
            f"the endpoint answers as account {account}, not as LocalStack", "report this defect"
        )
    await lay_vault(d, around.database.password)
    database = Database(d, around.database)
    await database.sql("database: created", f"CREATE DATABASE {DATABASE}", "postgres")
    await database.run("database: first data", "first.sql")


async def lay_vault(d: Deployment, database_password: str) -> None:
    """Write an encrypted vault with passwords made for this rehearsal alone.

    Raises:
        ToolError: it could not be encrypted.
    """
    command = ("ansible-vault", "encrypt", "--output", VAULT.name)
    env = dict(d.ansible.env)
    text = yaml.safe_dump(_vault(database_password))
    step = Step("vault", command, VAULT.parent, env, d.ansible.secrets, stdin=text)
    (await d.run(step)).check()


def _keys(around: Surroundings) -> dict[str, str]:
    env = around.aws.environment
    return {name.lower(): env[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


def _tofu_env(around: Surroundings, suffix: str) -> dict[str, str]:
    variables = {"bucket_suffix": suffix, "admin_cidr": ADMIN_CIDR, "ssh_public_key": SSH_PUBLIC_KEY}
    return {f"TF_VAR_{name}": value for name, value in variables.items()} | around.aws.environment


def _ansible(workspace: PurePath) -> Ansible:
    script = workspace / FOLDER / "vault-password.sh"
    return Ansible({"ANSIBLE_VAULT_PASSWORD_FILE": str(script)}, ("VAULT_PASSWORD",))


def _common(around: Surroundings) -> dict[str, Any]:
    env = around.aws.environment
    return {
        "node_is_real": False,
        "ansible_connection": "local",
        "ansible_remote_tmp": str(around.workspace / "home/.ansible/tmp"),  # the default ignores HOME
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aws_endpoint_url": env["AWS_ENDPOINT_URL"],
        "aws_access_key_id": env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
    }


def _hosts(around: Surroundings) -> dict[str, dict[str, Any]]:
    server = around.database
    direct = {
        "pg_backup_pg_bin": str(server.bin),
        "pg_backup_pg_host": server.host,
        "pg_backup_pg_port": server.port,
    }
    prefix = {
        name: {"node_prefix": str(around.workspace / "nodes" / name)} for name in ("manager", "database")
    }
    return {**prefix, "database": prefix["database"] | direct}


def _vault(database_password: str) -> dict[str, str]:
    return {
        "vault_db_password": database_password,
        "vault_nocodb_jwt_secret": secrets.token_urlsafe(32),
        "vault_nocodb_admin_email": "owner@example.org",
        "vault_nocodb_admin_password": secrets.token_urlsafe(18),
    }
