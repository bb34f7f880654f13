"""The inputs of a call through Dagger, by value: secrets are read, what has to be a file becomes one."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.aws.web_identity import temporary_keys
from pipeline.containers.options import SSH_KEY, WEB_IDENTITY_TOKEN, Inputs, option_of
from pipeline.errors import PipelineError, SettingsError
from pipeline.runners.container import ask_engine

if TYPE_CHECKING:
    import dagger


@dataclass(frozen=True)
class Given:
    """What a caller gave.

    Args:
        values: by the variable's name, as `Settings` takes them.
        secrets: the engine's own secrets by their values.
    """

    values: Mapping[str, str]
    secrets: "Mapping[str, dagger.Secret]"


async def read_inputs(inputs: Inputs) -> Given:
    """Return the inputs as they would be on a machine.

    Args:
        inputs: the call's options.

    Raises:
        SettingsError: with every secret that cannot be read, or why the role cannot be assumed.
    """
    texts = await _texts(inputs.secrets)
    secrets = {text: inputs.secrets[name] for name, text in texts.items()}
    values = inputs.plain | texts
    if SSH_KEY in values:
        values[SSH_KEY] = str(_file(SSH_KEY, values[SSH_KEY]))
    role, token = values.pop("AWS_ROLE_ARN", ""), values.pop(WEB_IDENTITY_TOKEN, "")
    if role and token and "AWS_ACCESS_KEY_ID" not in values:
        values |= await temporary_keys(role, token, inputs.aws_region)
    return Given(values, secrets)


async def _texts(secrets: "Mapping[str, dagger.Secret]") -> dict[str, str]:
    texts, problems = {}, []
    for name, secret in secrets.items():
        try:
            texts[name] = await ask_engine(option_of(name), secret.plaintext())
        except PipelineError as error:
            problems.append(f"  {error.what}")
    if problems:
        fix = "set the variable that it names (env://NAME), or name a file that is there (file://PATH)"
        raise SettingsError("\n".join(["the secrets cannot be read:", *problems]), fix)
    return texts


def _file(name: str, text: str) -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.touch(0o600)
    path.write_text(text)
    path.with_name(f"{name}.pub").touch()  # known when there is a toolbox to ask
    return path
