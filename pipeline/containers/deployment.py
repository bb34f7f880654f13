"""A deployment to AWS from containers, with the same inputs as on a machine."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from pipeline.containers.advice import problems_for_dagger
from pipeline.containers.emulator import move_to_emulator
from pipeline.containers.options import SSH_KEY
from pipeline.containers.toolbox import CODE, TOFU, Toolbox, engine_secrets, tofu_environment, with_program
from pipeline.containers.workspace import workspace
from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import PipelineError, SettingsError
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.container import SECRETS, ContainerRunner, ask_engine, outcome, tried
from pipeline.runners.workbench import Workbench
from pipeline.settings.inputs import Settings
from pipeline.steps.masks import Masks
from pipeline.targets import aws
from pipeline.tofu.encryption import require_opentofu
from pipeline.verbs.call import Inputs

if TYPE_CHECKING:
    import dagger

FACTS = (
    "python",
    "-c",
    "import json; from pipeline.reporting.versions import facts; from pipeline.tofu.binary import find_tofu;"
    " print(json.dumps(facts(find_tofu())))",
)


def validate_inputs(kind: type[Inputs], given: Mapping[str, str]) -> Inputs:
    """Return the inputs of a call, validated.

    Args:
        kind: which inputs to read.
        given: the values by variable name.

    Raises:
        SettingsError: one or more inputs are wrong; the error names them all.
    """
    if "local" in (given.get("QUICKDATA_STATE"), given.get("QUICKDATA_STATE_FROM")):
        fix = (
            "give s3 or gitlab: if a call is cancelled, its containers are killed, and a local state is lost;"
            " in a checkout, `quickdata migrate-state --from local --to s3` moves local states"
        )
        raise SettingsError("a deployment from containers cannot keep local states", fix)
    try:
        return kind.read(**given)
    except SettingsError as error:
        fix = "give the inputs before the verb: `dagger -m . call --bucket-suffix ppr … check`"
        raise SettingsError(problems_for_dagger(error.what, given), fix) from None


@asynccontextmanager
async def deployment(
    box: Toolbox,
    known: "Mapping[str, dagger.Secret]",
    settings: Settings,
    progress: Progress,
    report: Report,
    surroundings: Surroundings | None = None,
) -> AsyncIterator[tuple[Deployment, ContainerRunner]]:
    """Yield the deployment with its steps in containers, and its runner.

    Args:
        box: the toolbox in which the steps run.
        known: the engine's secrets by value.
        settings: the validated inputs.
        progress: shows notes and steps to the user.
        report: records every step.
        surroundings: an emulator to deploy to; None means AWS.

    Raises:
        PipelineError: the toolbox cannot be made, or the SSH key cannot be used.
    """
    run = token_hex(8)
    toolbox = await with_program(box.container, "ssh", "openssh-client")
    if settings.state_passphrase:
        require_opentofu(await _ask_version(toolbox))
    key = settings.ssh_key.read_bytes().decode()  # reading it as text would change its line endings
    settings.ssh_key.with_name(settings.ssh_key.name + ".pub").write_text(
        await _public_half(toolbox, known[key])
    )
    values = aws.secrets(settings) | ({"PGPASSWORD": surroundings.database.password} if surroundings else {})
    async with workspace(box.dag, toolbox, box.infrastructure, run) as mounted:
        secrets = engine_secrets(box, values, known, run)
        runner = ContainerRunner(mounted, secrets, Masks(values), progress)
        bench = Workbench(runner, TOFU, tofu_environment(box.sources))
        d = aws.local_states(settings, progress, report, bench)
        d = await move_to_emulator(d, surroundings) if surroundings else d
        yield keep_states_in(d, aws.backend(settings, settings.state, d)), runner


async def read_facts(box: Toolbox) -> dict[str, Any]:
    """Return the versions of the tools in the toolbox; empty if they cannot be read."""
    code = box.container.with_workdir(CODE).with_env_variable("PYTHONPATH", CODE)
    try:
        facts = json.loads(await ask_engine("facts", code.with_exec(list(FACTS)).stdout()))
    except (PipelineError, ValueError):
        return {}
    return {name: facts[name] for name in ("locks", "versions")}


async def _ask_version(toolbox: "dagger.Container") -> str:
    alone = toolbox.with_env_variable("CHECKPOINT_DISABLE", "1")
    return (await outcome("tofu version", tried(alone, TOFU, "version")))[1]


async def _public_half(toolbox: "dagger.Container", key: "dagger.Secret") -> str:
    path = str(SECRETS / "key")
    command = ("ssh-keygen", "-y", "-P", "", "-f", path)
    mounted = toolbox.with_mounted_secret(path, key, mode=0o400)
    code, public, said = await outcome("public half of the SSH key", tried(mounted, *command))
    if code:
        fix = "give a private key without a passphrase, such as --ssh-key file://$HOME/.ssh/id_ed25519"
        raise SettingsError(f"{SSH_KEY}: cannot be used as a private key: {said.strip()}", fix)
    return public
