"""A deployment to LocalStack with any kind of nodes, and with a vault that is made only for it."""

import secrets
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.ansible.playbooks import FOLDER, Ansible
from pipeline.aws.account import Cloud
from pipeline.deployment import Deployment
from pipeline.errors import SettingsError
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.workbench import Workbench
from pipeline.servers.localstack import ACCOUNT, LocalStack
from pipeline.steps.step import Step
from pipeline.tofu.backends.local import Local
from pipeline.tofu.stack import STACKS, Stack

ADMIN_CIDR = "203.0.113.0/24"
"""Addresses for documentation (RFC 5737): nobody has one, so the security groups allow nobody."""
NOBODYS_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2dV8kV9QeXxTzmS0Wc2d1yC9k3mJ4H5n6o7p8q9r0s rehearsal"
"""A public key that belongs to nobody, for nodes that are not reached by SSH."""
VAULT = FOLDER / "group_vars/all/vault.yml"
VAULT_PASSWORD = "VAULT_PASSWORD"  # noqa: S105 - the variable's name
OWNER = "owner@example.org"
"""NocoDB's first user in a rehearsal."""


def emulated_deployment(
    aws: LocalStack,
    bench: Workbench,
    suffix: str,
    progress: Progress,
    report: Report,
    public_key: str = NOBODYS_KEY,
) -> Deployment:
    """Return a deployment to LocalStack, with nodes as EC2 would create them.

    Args:
        aws: the emulator.
        bench: executes the steps in the throwaway workspace; its runner holds VAULT_PASSWORD.
        suffix: the deployment's suffix, lower case.
        progress: shows notes and steps to the user.
        report: records every step.
        public_key: the SSH key that the nodes accept.
    """
    variables = {"bucket_suffix": suffix, "region": aws.region}
    variables |= {"admin_cidr": ADMIN_CIDR, "ssh_public_key": public_key}
    named = {f"TF_VAR_{name}": value for name, value in variables.items()}
    env = {**named, **aws.environment, **bench.env}
    script = bench.runner.root / FOLDER / "vault-password.sh"
    keys = {name.lower(): aws.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    return Deployment(
        suffix=suffix,
        cloud=Cloud(keys, aws.region, aws.endpoint),
        runner=bench.runner,
        progress=progress,
        report=report,
        storage=Stack("storage", STACKS["storage"], bench.tofu, env),
        app=Stack("app", STACKS["app"], bench.tofu, env),
        ansible=Ansible({"ANSIBLE_VAULT_PASSWORD_FILE": str(script)}, (VAULT_PASSWORD,)),
        backend=Local(bench.runner),
        common=endpoint(aws),
    )


def endpoint(aws: LocalStack) -> dict[str, Any]:
    """Return the inventory variables that make every node send its backups to the emulator."""
    env = aws.environment
    return {
        "aws_endpoint_url": env["AWS_ENDPOINT_URL"],
        "aws_access_key_id": env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
    }


async def require_emulator(cloud: Cloud) -> None:
    """Make sure that the endpoint is LocalStack, so that nothing real is changed.

    Args:
        cloud: the cloud to check.

    Raises:
        SettingsError: the endpoint is not LocalStack.
    """
    account = await cloud.account()
    if account != ACCOUNT:
        raise SettingsError(
            f"the endpoint belongs to account {account}, not to LocalStack", "report this defect"
        )


def vault(database_password: str | None = None) -> dict[str, str]:
    """Return the values of a vault, with new passwords for one rehearsal.

    Args:
        database_password: the password of a database server that already runs; None makes a new one.
    """
    return {
        "vault_db_password": database_password or secrets.token_urlsafe(18),
        "vault_nocodb_jwt_secret": secrets.token_urlsafe(32),
        "vault_nocodb_admin_email": OWNER,
        "vault_nocodb_admin_password": secrets.token_urlsafe(18),
    }


async def lay_vault(d: Deployment, content: Mapping[str, str]) -> None:
    """Write an encrypted vault.

    Raises:
        ToolError: the vault could not be encrypted.
    """
    command = ("ansible-vault", "encrypt", "--output", VAULT.name)
    text = yaml.safe_dump(dict(content))
    step = Step("vault", command, VAULT.parent, d.ansible.env, d.ansible.secrets, stdin=text, private=True)
    (await d.run(step)).check()
