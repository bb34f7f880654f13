"""The deployment that acts on AWS, from this machine: its inputs, its credentials, its nodes by SSH."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pipeline import encryption, tools
from pipeline.ansible import FOLDER, Ansible
from pipeline.backends.backend import Backend
from pipeline.backends.gitlab import PASSWORD, GitLab
from pipeline.backends.local import LOCAL
from pipeline.backends.s3 import S3
from pipeline.deployment import Deployment
from pipeline.host import HostRunner
from pipeline.progress import Progress
from pipeline.report import Report
from pipeline.settings import Settings
from pipeline.state_settings import ENDING
from pipeline.states import kept_in
from pipeline.storage import BUCKET_PREFIX, Cloud
from pipeline.tofu import Stack

REPOSITORY = Path(__file__).parents[1]
SSH_KEY = "ANSIBLE_PRIVATE_KEY_FILE"


def aws_deployment(settings: Settings, progress: Progress, report: Report) -> Deployment:
    """Return the deployment that the settings describe; the checkout is its workspace.

    Args:
        settings: the validated inputs.
        progress: told of everything that happens.
        report: notes every step.

    Raises:
        ToolError: OpenTofu is missing and cannot be had.
        SettingsError: the states shall be encrypted, and the tool is Terraform.
    """
    return kept_in(local_states(settings, progress, report), backend(settings, settings.state))


def backend(settings: Settings, name: str) -> Backend:
    """Return the place that a name of `--state` means.

    Args:
        settings: the validated inputs.
        name: local, s3 or gitlab.
    """
    if name == GitLab.name:
        url, project = settings.gitlab_url, settings.gitlab_project
        return GitLab(url, project, settings.gitlab_user, settings.gitlab_pat, settings.bucket_suffix)
    if name == S3.name:
        return S3(BUCKET_PREFIX + settings.bucket_suffix + ENDING, settings.region)
    return LOCAL


def local_states(settings: Settings, progress: Progress, report: Report) -> Deployment:
    """Return the deployment with its states in the checkout, as `aws_deployment` begins with it."""
    credentials = {name.upper(): value for name, value in settings.credentials.items()}
    held = credentials | _secrets(settings)
    runner = HostRunner(REPOSITORY, held, progress, (Path(sys.executable).parent,))
    tofu, env = str(tools.find_tofu() or tools.download_tofu()), _tofu_env(settings)
    keys = tuple(credentials)
    if settings.state_passphrase:
        encryption.require_tofu(tofu)
        keys = (*keys, encryption.VARIABLE)
    return Deployment(
        suffix=settings.bucket_suffix,
        cloud=Cloud(settings.credentials, settings.region),
        runner=runner,
        progress=progress,
        report=report,
        storage=Stack("storage", PurePosixPath("infrastructure/terraS3"), tofu, env, keys),
        app=Stack("app", PurePosixPath("infrastructure/terraform"), tofu, env, keys),
        ansible=_ansible(settings, held),
        common={"nocodb_domain": settings.domain} if settings.domain else {},
    )


def _secrets(settings: Settings) -> dict[str, str]:
    values = {
        "VAULT_PASSWORD": settings.vault_password,
        "GITLAB_PAT": settings.gitlab_pat,
        PASSWORD: settings.gitlab_pat,
        SSH_KEY: settings.ssh_key.read_text(),
    }
    if settings.state_passphrase:
        values[encryption.PASSPHRASE] = settings.state_passphrase
        values[encryption.VARIABLE] = encryption.configuration(settings.state_passphrase)
    return {name: value for name, value in values.items() if value}


def _tofu_env(settings: Settings) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name.startswith("TF_VAR_")}
    env["TF_VAR_ssh_public_key"] = (
        settings.ssh_key.with_name(settings.ssh_key.name + ".pub").read_text().strip()
    )
    env["TF_VAR_bucket_suffix"] = settings.bucket_suffix
    env["AWS_REGION"] = settings.region
    env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"  # an emulator's, in a profile of ~/.aws
    if provider := tools.find_provider():
        env["TF_CLI_CONFIG_FILE"] = str(
            tools.mirror_configuration(provider, tools.cache().parent / "provider")
        )
    return env


def _ansible(settings: Settings, held: Mapping[str, str]) -> Ansible:
    script = settings.vault_file or REPOSITORY / FOLDER / "vault-password.sh"
    env = {"ANSIBLE_VAULT_PASSWORD_FILE": str(script)}
    if settings.gitlab_user:
        env["GITLAB_USER"] = settings.gitlab_user
    names = tuple(name for name in ("VAULT_PASSWORD", "GITLAB_PAT") if name in held)
    return Ansible(env, names, (SSH_KEY,))
