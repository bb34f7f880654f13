"""A deployment to AWS from this machine, with its inputs, credentials, and nodes reached by SSH."""

import os
import sys
from pathlib import Path, PurePosixPath

from pipeline.ansible.playbooks import FOLDER, Ansible
from pipeline.aws.account import Cloud
from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import SettingsError
from pipeline.machine.repository import REPOSITORY
from pipeline.machine.room import Need, require_room
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.host import HostRunner
from pipeline.runners.workbench import Workbench
from pipeline.settings.inputs import Settings
from pipeline.settings.suffix import ENDING
from pipeline.tofu import binary as tools
from pipeline.tofu import encryption
from pipeline.tofu.backends.base import Backend
from pipeline.tofu.backends.gitlab import PASSWORD, GitLab
from pipeline.tofu.backends.local import Local
from pipeline.tofu.backends.s3 import S3
from pipeline.tofu.download import find_or_download_tofu
from pipeline.tofu.stack import STACKS, Stack

PLANS_BYTES = 16 * 10**6
"""The bytes to keep free for plans, states and the inventory, with a large margin."""
NODES_KEY = "ANSIBLE_PRIVATE_KEY_FILE"


def aws_deployment(settings: Settings, progress: Progress, report: Report) -> Deployment:
    """Return the deployment that the settings describe.

    Args:
        settings: the validated inputs.
        progress: shows notes and steps to the user.
        report: records every step.

    Raises:
        ToolError: OpenTofu is missing and cannot be downloaded.
        SettingsError: a state passphrase is set, but the tool is Terraform.
    """
    d = local_states(settings, progress, report)
    return keep_states_in(d, backend(settings, settings.state, d))


def backend(settings: Settings, name: str, d: Deployment) -> Backend:
    """Return the backend for a value of `--state`.

    Args:
        settings: the validated inputs.
        name: local, s3 or gitlab.
        d: the deployment whose states the backend keeps.
    """
    if name == Local.name:
        return Local(d.runner)
    if name == S3.name:
        return S3(d.cloud, settings.bucket + ENDING)
    if name == GitLab.name:
        url, project = settings.gitlab_url, settings.gitlab_project
        return GitLab(url, project, settings.gitlab_user, settings.gitlab_pat, settings.bucket_suffix)
    raise ValueError(f"there is no backend for the states named {name!r}")


def local_states(
    settings: Settings, progress: Progress, report: Report, bench: Workbench | None = None
) -> Deployment:
    """Return the deployment with its states in the workspace, before another backend is chosen.

    Args:
        settings: the validated inputs.
        progress: shows notes and steps to the user.
        report: records every step.
        bench: executes the steps and holds their secrets; None means this machine, in the checkout.
    """
    bench = bench or _workbench(settings, progress)
    tofu, env = bench.tofu, {**_tofu_env(settings), **bench.env}
    keys = tuple(name.upper() for name in settings.credentials)
    if settings.state_passphrase:
        keys = (*keys, encryption.VARIABLE)
    return Deployment(
        suffix=settings.bucket_suffix,
        cloud=Cloud(settings.credentials, settings.region, base_name=settings.s3_bucket_base_name),
        runner=bench.runner,
        progress=progress,
        report=report,
        storage=Stack("storage", STACKS["storage"], tofu, env, keys),
        app=Stack("app", STACKS["app"], tofu, env, keys),
        ansible=_ansible(settings, bench.runner.root),
        backend=Local(bench.runner),
        common={"nocodb_domain": settings.domain} if settings.domain else {},
    )


def _workbench(settings: Settings, progress: Progress) -> Workbench:
    _require_names_for_ssh()
    plans = Need(REPOSITORY, PLANS_BYTES, "for plans and states")
    require_room([plans, *tools.downloads(REPOSITORY / folder for folder in STACKS.values())])
    runner = HostRunner(REPOSITORY, secrets(settings), progress, (Path(sys.executable).parent,))
    tofu = str(find_or_download_tofu())
    if settings.state_passphrase:
        encryption.require_tofu(tofu)
    return Workbench(runner, tofu, tools.provider_environment(tools.cache().parent / "provider"))


def _require_names_for_ssh() -> None:
    """Make sure that Ansible can pass the paths of the key and the sockets to SSH: it puts them in quotes.

    Raises:
        SettingsError: a path has a quotation mark.
    """
    for about, path in (("the checkout", REPOSITORY), ("HOME", Path.home())):
        if '"' in str(path):
            what = f'the path of {about} is {path}: Ansible cannot pass a path with " to SSH'
            raise SettingsError(what, f'move {about} to a directory without " in its path')


def secrets(settings: Settings) -> dict[str, str]:
    """Return the secrets that the steps need as variables or as files, by name."""
    credentials = {name.upper(): value for name, value in settings.credentials.items()}
    values = credentials | {
        "VAULT_PASSWORD": settings.vault_password,
        "GITLAB_PAT": settings.gitlab_pat,
        PASSWORD: settings.gitlab_pat,
        NODES_KEY: settings.ssh_key.read_bytes().decode(),
    }
    if settings.state_passphrase:
        values[encryption.PASSPHRASE] = settings.state_passphrase
        values[encryption.VARIABLE] = encryption.configuration(settings.state_passphrase)
    return {name: value for name, value in values.items() if value}


def _tofu_env(settings: Settings) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name.startswith("TF_VAR_") and value}
    env |= settings.of_nodes
    env |= {"TF_VAR_admin_cidr": settings.admin_cidr, "TF_VAR_workers": str(settings.workers)}
    env |= {"TF_VAR_domain": settings.domain} if settings.domain else {}
    env["TF_VAR_ssh_public_key"] = (
        settings.ssh_key.with_name(settings.ssh_key.name + ".pub").read_text().strip()
    )
    env["TF_VAR_s3_bucket_base_name"] = settings.s3_bucket_base_name
    env["TF_VAR_bucket_suffix"] = settings.bucket_suffix
    env["TF_VAR_region"] = env["AWS_REGION"] = settings.region
    env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"  # a profile in ~/.aws may name an emulator
    return env


def _ansible(settings: Settings, workspace: PurePosixPath) -> Ansible:
    script = settings.vault_file or workspace / FOLDER / "vault-password.sh"
    env = {"ANSIBLE_VAULT_PASSWORD_FILE": str(script)}
    if settings.gitlab_user:
        env["GITLAB_USER"] = settings.gitlab_user
    possible = {"VAULT_PASSWORD": settings.vault_password, "GITLAB_PAT": settings.gitlab_pat}
    return Ansible(env, tuple(name for name, value in possible.items() if value), (NODES_KEY,))
