"""The deployment that acts on AWS from containers: inputs become what they would be on a machine."""

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from pipeline import aws
from pipeline.container import SECRETS, ContainerRunner, asked, outcome, tried
from pipeline.deployment import Deployment
from pipeline.errors import SettingsError
from pipeline.masks import Masks
from pipeline.progress import Progress
from pipeline.report import Report
from pipeline.settings import Settings
from pipeline.toolbox import TOFU, Toolbox, tofu_environment
from pipeline.volume import workspace
from pipeline.workbench import Workbench

if TYPE_CHECKING:
    import dagger

SSH_KEY, WEB_IDENTITY = "QUICKDATA_SSH_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE"
FILES = (SSH_KEY, WEB_IDENTITY)
"""Variables that name a file: here the option is the file's content."""


@dataclass(frozen=True)
class Given:
    """What a caller gave.

    Args:
        plain: values by the variable's name.
        secrets: the engine's secrets by the variable's name.
    """

    plain: Mapping[str, str]
    secrets: "Mapping[str, dagger.Secret]"


async def environment(given: Given) -> dict[str, "dagger.Secret"]:
    """Let this process have the variables that a person would have exported: a call has a process of its own.

    Returns:
        The engine's secrets by their values.
    """
    values = {name: await asked(name, secret.plaintext()) for name, secret in given.secrets.items()}
    os.environ.update({name: value for name, value in given.plain.items() if value})
    for name, value in values.items():
        os.environ[name] = str(_file(name, value)) if name in FILES else value
    return {value: given.secrets[name] for name, value in values.items()}


def _file(name: str, value: str) -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.touch(0o600)
    path.write_text(value)
    path.with_name(f"{name}.pub").touch()  # known when there is a toolbox to ask
    return path


def validated() -> Settings:
    """Read the environment that `environment` has made.

    Raises:
        SettingsError: with every problem.
    """
    try:
        return Settings.read()
    except SettingsError as error:
        mend = "each variable is an option here, such as --bucket-suffix ppr or --vault-password env://NAME"
        raise SettingsError(error.what, mend) from None


@asynccontextmanager
async def deployment(
    box: Toolbox,
    infrastructure: "dagger.Directory",
    known: "Mapping[str, dagger.Secret]",
    settings: Settings,
    progress: Progress,
    report: Report,
) -> AsyncIterator[tuple[Deployment, ContainerRunner]]:
    """Yield the deployment with its steps in containers, and its runner.

    Args:
        box: what the steps run on.
        infrastructure: the folder with both stacks, the playbooks and the vault.
        known: the engine's secrets by their values.
        settings: the validated inputs.
        progress: told of everything that happens.
        report: notes every step.

    Raises:
        PipelineError: the toolbox cannot be made, or the key is none.
    """
    run = token_hex(8)
    toolbox = await _with_ssh(box.container)
    key = settings.ssh_key.read_text()
    settings.ssh_key.with_name(settings.ssh_key.name + ".pub").write_text(await _public(toolbox, known[key]))
    values = aws.secrets(settings)
    held = {n: known.get(v) or box.dag.set_secret(f"quickdata-{run}-{n}", v) for n, v in values.items()}
    async with workspace(box.dag, toolbox, infrastructure, run) as mounted:
        runner = ContainerRunner(mounted, held, Masks(values.values()), progress)
        bench = Workbench(runner, TOFU, tofu_environment(box.wanted))
        yield aws.deployment(settings, bench, progress, report), runner


async def _with_ssh(toolbox: "dagger.Container") -> "dagger.Container":
    """Return the toolbox with an SSH client: a rehearsal needs none, so it is not in every toolbox."""
    found, _, _ = await outcome("look for ssh", tried(toolbox, "which", "ssh"))
    if found == 0:
        return toolbox
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "openssh-client"]
    return await asked(
        "SSH client", toolbox.with_exec(["apt-get", "update", "-qq"]).with_exec(install).sync()
    )


async def _public(toolbox: "dagger.Container", key: "dagger.Secret") -> str:
    path = str(SECRETS / "key")
    command = ("ssh-keygen", "-y", "-P", "", "-f", path)
    mounted = toolbox.with_mounted_secret(path, key, mode=0o400)
    code, public, said = await outcome("public half of the SSH key", tried(mounted, *command))
    if code:
        mend = "give a private key without a passphrase, such as --ssh-key file://$HOME/.ssh/id_ed25519"
        raise SettingsError(f"{SSH_KEY}: is no key that can be used: {said.strip()}", mend)
    return public
