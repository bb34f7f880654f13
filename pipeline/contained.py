"""The deployment that acts on AWS from containers: inputs become what they would be on a machine."""

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, TypeVar

from pipeline import aws
from pipeline.container import SECRETS, ContainerRunner, asked, outcome, tried
from pipeline.deployment import Deployment
from pipeline.drill import SCRIPT, Holds, Site
from pipeline.errors import SettingsError
from pipeline.masks import Masks
from pipeline.progress import Progress
from pipeline.rehearsal.services import postgres
from pipeline.report import Report
from pipeline.settings import AccountSettings, Settings
from pipeline.toolbox import TOFU, VENV, Toolbox, tofu_environment
from pipeline.volume import workspace
from pipeline.workbench import Workbench

if TYPE_CHECKING:
    import dagger

Wants = TypeVar("Wants", bound=AccountSettings)

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
    os.environ["AWS_DEFAULT_REGION"] = os.environ.get("AWS_REGION", "")  # for STS, which boto3 asks by itself
    for name, value in values.items():
        os.environ[name] = str(_file(name, value)) if name in FILES else value
    return {value: given.secrets[name] for name, value in values.items()}


def _file(name: str, value: str) -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.touch(0o600)
    path.write_text(value)
    path.with_name(f"{name}.pub").touch()  # known when there is a toolbox to ask
    return path


def validated(kind: type[Wants]) -> Wants:
    """Read the environment that `environment` has made.

    Args:
        kind: which settings are wanted.

    Raises:
        SettingsError: with every problem.
    """
    try:
        return kind.read()
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
    if settings.state == "local":
        mend = "give --state s3 or gitlab: a cancelled call kills its containers, and a local state with them"
        raise SettingsError("a deployment from containers keeps no local state", mend)
    run = token_hex(8)
    toolbox = await _with_ssh(box.container)
    key = settings.ssh_key.read_bytes().decode()  # read as text, its ends of lines would be others
    settings.ssh_key.with_name(settings.ssh_key.name + ".pub").write_text(await _public(toolbox, known[key]))
    values = aws.secrets(settings)
    held = {n: known.get(v) or box.dag.set_secret(f"quickdata-{run}-{n}", v) for n, v in values.items()}
    async with workspace(box.dag, toolbox, infrastructure, run) as mounted:
        runner = ContainerRunner(mounted, held, Masks(values.values()), progress)
        bench = Workbench(runner, TOFU, tofu_environment(box.wanted))
        yield aws.aws_deployment(settings, progress, report, bench), runner


@asynccontextmanager
async def drilling(
    box: Toolbox, infrastructure: "dagger.Directory", holds: Holds, progress: Progress
) -> AsyncIterator[Site]:
    """Drill in containers: the server is a service, the script an exec.

    Args:
        box: what both run on.
        infrastructure: the folder with the restore's script.
        holds: the secrets that the script needs, once the server is known.
        progress: told of everything that happens.

    Raises:
        ToolError: the server did not start.
    """
    run = token_hex(8)
    async with (
        postgres(box.dag, box.container, run) as server,
        workspace(box.dag, box.container, infrastructure, run) as mounted,
    ):
        values = holds(server)
        held = {name: box.dag.set_secret(f"{run}-{name}", value) for name, value in values.items()}
        runner = ContainerRunner(mounted, held, Masks(values.values()), progress)
        script = runner.root / "infrastructure" / SCRIPT.relative_to(aws.REPOSITORY / "infrastructure")
        yield Site(runner, server, str(script), f"{VENV}/bin/aws")


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
