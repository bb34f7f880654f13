"""The encryption of states, plans and what the app reads of storage; OpenTofu can do it, Terraform cannot."""

import json
from pathlib import PurePath

from pipeline.errors import SettingsError

VARIABLE = "TF_ENCRYPTION"
PASSPHRASE = "QUICKDATA_STATE_PASSPHRASE"  # noqa: S105 - the variable's name


def configuration(passphrase: str) -> str:
    """Return what OpenTofu takes in TF_ENCRYPTION (its docs: "State and Plan Encryption").

    What is written is encrypted; a state that is still plain can be read, and is encrypted when it is next
    written.

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
    """Return a text in which nothing is taken for a template."""
    return text.replace("${", "$${").replace("%{", "%%{")


def require_tofu(binary: str) -> None:
    """Make sure that the tool can encrypt.

    Raises:
        SettingsError: it is Terraform.
    """
    if PurePath(binary).name == "terraform":
        what = f"{PASSPHRASE} is set, but this machine has Terraform only: encryption works with OpenTofu"
        raise SettingsError(what, f"put tofu on PATH, or unset {PASSPHRASE}")


def require_opentofu(said: str) -> None:
    """Make sure that the tool in the toolbox can encrypt: Terraform would write plain states and say nothing.

    Args:
        said: what its `version` printed.

    Raises:
        SettingsError: it is another tool.
    """
    if not said.startswith("OpenTofu "):
        tool = next(iter(said.splitlines()), "something else")
        what = f"{PASSPHRASE} is set, but the toolbox has {tool}: encryption works with OpenTofu"
        raise SettingsError(what, "give OpenTofu as --tofu-binary, or leave out --state-passphrase")
