"""The inputs of a deployment: those for the account and the states, the network, the SSH key, the vault."""

import os
import re
import stat
from ipaddress import IPv4Network
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from pipeline.settings.account import AccountSettings
from pipeline.settings.app import AppSettings
from pipeline.settings.invisible import require_seen, unseen
from pipeline.settings.shown import shown
from pipeline.settings.states import StateSettings

DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z]{2,}")
WIDEST = 8
"""The shortest prefix length that infrastructure/terraform accepts for admin_cidr."""


class Settings(AppSettings, StateSettings, AccountSettings):
    """The inputs that are needed to deploy."""

    admin_cidr: str = Field("", alias="TF_VAR_admin_cidr", validate_default=True)
    domain: str = Field("", alias="TF_VAR_domain")
    workers: int = Field(0, alias="TF_VAR_workers")
    ssh_key: Path = Field(Path("~/.ssh/id_ed25519"), alias="QUICKDATA_SSH_KEY", validate_default=True)
    vault_file: Path | None = Field(None, alias="ANSIBLE_VAULT_PASSWORD_FILE")
    vault_password: str = Field("", alias="VAULT_PASSWORD", validate_default=True)

    @field_validator("admin_cidr")
    @classmethod
    def _cidr(cls, value: str) -> str:
        if not value:
            raise ValueError(
                "is not set; export the address range that may reach SSH, such as 203.0.113.7/32"
            )
        try:
            network = IPv4Network(value, strict=False)
        except ValueError:
            raise ValueError(f"{shown(value)} is not an IPv4 range; write it like 203.0.113.7/32") from None
        if network.prefixlen < WIDEST:
            raise ValueError(
                f"{shown(value)} would open SSH to more than 16 million addresses;"
                " use only your own, such as 203.0.113.7/32"
            )
        return value

    @field_validator("domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        if value and not DOMAIN.fullmatch(value):
            raise ValueError(
                f"{shown(value)} is not a host name;"
                " write it like nocodb.example.org, without https:// or a path"
            )
        return value

    @field_validator("workers", mode="before")
    @classmethod
    def _workers(cls, value: object) -> object:
        if isinstance(value, str) and not re.fullmatch("[0-9]+", require_seen(value)):
            raise ValueError(f"{shown(value)} is not a number of nodes; write 0 or more, such as 2")
        return value

    @field_validator("ssh_key")
    @classmethod
    def _key(cls, value: Path) -> Path:
        if "\n" in str(value).strip() or str(value).startswith("-----BEGIN"):
            raise ValueError(
                "contains the key itself; name a file with the key, for example by a GitLab variable of type"
                " File"
            )
        path = _expanded(value)
        if not path.is_file() or not path.with_name(path.name + ".pub").is_file():
            raise ValueError(
                f"{shown(str(path))}{_because(path)} and its .pub must both be files;"
                " run ssh-keygen -t ed25519, or name another key"
            )
        if not os.access(path, os.R_OK):
            raise ValueError(f"you may not read {path}; name a key of your own")
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"other users can access {path}; run chmod 600 {path}")
        return path

    @field_validator("vault_file", mode="before")
    @classmethod
    def _no_file(cls, value: object) -> object:
        """Read an empty value as no file. It is empty when the user typed a password instead."""
        return value or None

    @field_validator("vault_file")
    @classmethod
    def _exists(cls, value: Path | None) -> Path | None:
        if value and not _expanded(value).is_file():
            fix = "name one that exists, or unset the variable"
            raise ValueError(f"does not name an existing file{_because(value)}; {fix}")
        return value and _expanded(value).resolve()

    @field_validator("vault_password")
    @classmethod
    def _vault(cls, value: str, info: ValidationInfo) -> str:
        if not value and "vault_file" in info.data and not info.data["vault_file"]:
            raise ValueError("is not set; export it, or name a file in ANSIBLE_VAULT_PASSWORD_FILE")
        return value


class NodeSettings(Settings):
    """The inputs that are needed to reach the nodes by SSH. Only playbooks need the vault."""

    vault_password: str = Field("", alias="VAULT_PASSWORD", validate_default=False)


def _expanded(path: Path) -> Path:
    """Return a path with `~` expanded; raise ValueError for a path that no file can have."""
    try:
        expanded = path.expanduser()
        expanded.stat()
    except FileNotFoundError:
        return expanded
    except (OSError, RuntimeError) as error:
        said = error.strerror if isinstance(error, OSError) else error  # str(error) would repeat the path
        raise ValueError(f"names a file that cannot be accessed ({said}); name another file") from None
    return expanded


def _because(path: Path) -> str:
    """Return a hint about an invisible character in a path: the file may exist without it."""
    said = unseen(str(path))
    return f" ({said.partition('; ')[0]})" if said else ""
