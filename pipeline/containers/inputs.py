"""The inputs of a call through Dagger, by value: secrets are read, and the SSH key becomes a file."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.aws.web_identity import temporary_keys
from pipeline.containers.options import SSH_KEY, WEB_IDENTITY_TOKEN, Options, option_for_variable
from pipeline.errors import PipelineError, SettingsError
from pipeline.runners.container import ask_engine
from pipeline.settings.profile import WebIdentity

if TYPE_CHECKING:
    import dagger


KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
STAND_IN = dict.fromkeys(KEYS, "of the role")
"""Placeholders for a role's keys until the other inputs are validated."""


@dataclass(frozen=True)
class Given:
    """The inputs of a caller.

    Args:
        values: the values by variable name, as `Settings` reads them.
        secrets: the engine's secrets by value.
        identity: the role and its ID token, before the role is assumed.
        assumed: the role and its ID token, after the role was assumed.
    """

    values: Mapping[str, str]
    secrets: "Mapping[str, dagger.Secret]"
    identity: WebIdentity | None = None
    assumed: WebIdentity | None = None

    async def assume_role(self, region: str) -> "Given":
        """Return the inputs with the role's keys.

        Args:
            region: the region whose STS is used.

        Raises:
            SettingsError: the role cannot be assumed.
        """
        if not self.identity:
            return self
        keys = await temporary_keys(self.identity, region)
        return replace(self, values={**self.values, **keys}, identity=None, assumed=self.identity)


async def read_inputs(inputs: Options) -> Given:
    """Return the inputs, as variables would give them on a machine.

    Args:
        inputs: the module's options.

    Raises:
        SettingsError: secrets cannot be read, or the options name two identities or half of one.
    """
    _require_one_identity(inputs)
    texts = await _texts(inputs.secrets)
    secrets = {text: inputs.secrets[name] for name, text in texts.items()}
    values = inputs.plain | texts
    if SSH_KEY in values:
        values[SSH_KEY] = str(_file(SSH_KEY, values[SSH_KEY]))
    role, token = values.pop("AWS_ROLE_ARN", ""), values.pop(WEB_IDENTITY_TOKEN, "")
    return Given(values, secrets, WebIdentity(role, token) if role else None)


def _require_one_identity(inputs: Options) -> None:
    """Refuse half a web identity, or a web identity with keys: the wrong identity might be used."""
    role, token, keys = inputs.aws_role_arn, inputs.aws_web_identity_token, inputs.secrets.keys() & set(KEYS)
    if bool(role) != bool(token):
        what = f"{'--aws-role-arn' if role else '--aws-web-identity-token'} is only half of a web identity"
        raise SettingsError(what, "give both --aws-role-arn and --aws-web-identity-token, or neither")
    if role and keys:
        what = f"--aws-role-arn and {', '.join(sorted(map(option_for_variable, keys)))} are two identities"
        raise SettingsError(what, "give the keys, or the role with its --aws-web-identity-token")


async def _texts(secrets: "Mapping[str, dagger.Secret]") -> dict[str, str]:
    texts, problems = {}, []
    for name, secret in secrets.items():
        try:
            texts[name] = await ask_engine(option_for_variable(name), secret.plaintext())
        except PipelineError as error:
            problems.append(f"  {error.what}")
    if problems:
        fix = "set the named variable (env://NAME), or name an existing file (file://PATH)"
        raise SettingsError("\n".join(["the secrets cannot be read:", *problems]), fix)
    return texts


def _file(name: str, text: str) -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.touch(0o600)
    path.write_text(text)
    path.with_name(f"{name}.pub").touch()  # filled later, in the toolbox
    return path
