"""The encryption of states and plans, also when the app reads storage's state. It needs OpenTofu."""

import json
from pathlib import PurePath

from pipeline.errors import SettingsError

VARIABLE = "TF_ENCRYPTION"
PASSPHRASE = "QUICKDATA_STATE_PASSPHRASE"  # noqa: S105 - the variable's name


def configuration(passphrase: str) -> str:
    """Return the value of TF_ENCRYPTION for OpenTofu (its docs: "State and Plan Encryption").

    All writes are encrypted. A plain state can still be read, and is encrypted with the next write.

    Args:
        passphrase: at least 16 characters.
    """
    encrypted = "method.aes_gcm.state"
    either = {"method": encrypted, "fallback": {"method": "method.unencrypted.plain"}}
    return json.dumps(
        {
            "key_provider": {"pbkdf2": {"state": {"passphrase": _literal(passphrase)}}},
            "method": {
                "aes_gcm": {"state": {"keys": "key_provider.pbkdf2.state"}},
                "unencrypted": {"plain": {}},
            },
            "state": either,
            "plan": {"method": encrypted},
            "remote_state_data_sources": {"default": either},
        }
    )


def _literal(text: str) -> str:
    """Return a text in which OpenTofu finds no template."""
    return text.replace("${", "$${").replace("%{", "%%{")


def require_tofu(binary: str) -> None:
    """Make sure that the tool can encrypt.

    Raises:
        SettingsError: the tool is Terraform.
    """
    if PurePath(binary).name == "terraform":
        what = f"{PASSPHRASE} is set, but this machine has only Terraform: encryption needs OpenTofu"
        raise SettingsError(what, f"put tofu on PATH, or unset {PASSPHRASE}")


def require_opentofu(said: str) -> None:
    """Make sure that the tool in the toolbox can encrypt: Terraform would silently write plain states.

    Args:
        said: the output of the tool's `version`.

    Raises:
        SettingsError: the tool is not OpenTofu.
    """
    if not said.startswith("OpenTofu "):
        tool = next(iter(said.splitlines()), "something else")
        what = f"{PASSPHRASE} is set, but the toolbox has {tool}: encryption needs OpenTofu"
        raise SettingsError(what, "give OpenTofu as --tofu-binary, or omit --state-passphrase")
