"""Every input of a deployment, validated before the first step, all problems at once."""

import os
import re
import stat
from ipaddress import IPv4Network
from pathlib import Path
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import SettingsError
from pipeline.settings.invisible import require_seen, unseen, visible
from pipeline.settings.profile import (
    DEFAULT_REGION,
    configured_endpoint,
    default_region,
    find_credentials,
    require_seen_profile,
    shown_profile,
)
from pipeline.settings.shown import shown
from pipeline.settings.states import StateSettings
from pipeline.settings.suffix import BASE_NAME, bucket_name, valid_base_name, valid_suffix

PREFIX = "Value error, "
"""What pydantic puts before a validator's own words."""
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
REGIONS = ("AWS_DEFAULT_REGION", "TF_VAR_region")
"""What says the region besides AWS_REGION: AWS's command line reads the first, the stacks read the second."""
DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z]{2,}")
SECRETS = ("gitlab_pat",)
"""Fields that are named in an error, and never shown."""
SESSION_TOKEN = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
"""Names of the token, in botocore's order."""
KEYS = ("access_key", "secret_key", "session_token")
AS_THEY_ARE = (*KEYS, "ssh_key", "vault_file", "vault_password", "state_passphrase")
"""Fields with a look of their own, and the password, of which Ansible itself drops a newline at the end."""
WIDEST = 8
"""The shortest prefix length that infrastructure/terraform takes for admin_cidr."""


class AccountSettings(BaseSettings):
    """What it takes to read the bucket; the fields' aliases are the variables' names."""

    model_config = SettingsConfigDict(case_sensitive=True, env_ignore_empty=True, extra="ignore")

    s3_bucket_base_name: str = Field(BASE_NAME, alias="TF_VAR_s3_bucket_base_name")
    bucket_suffix: str = Field("", alias="TF_VAR_bucket_suffix", validate_default=True)
    region: str = Field("", alias="AWS_REGION", validate_default=True)
    endpoint: str = Field("", alias="AWS_ENDPOINT_URL", validate_default=True)
    secret_key: str = Field("", alias="AWS_SECRET_ACCESS_KEY")
    session_token: str = Field("", validation_alias=AliasChoices(*SESSION_TOKEN))
    access_key: str = Field("", alias="AWS_ACCESS_KEY_ID", validate_default=True)

    @classmethod
    def read(cls, **given: str) -> Self:
        """Read the environment.

        Args:
            given: values that did not come from there, by variable name, such as a vault password typed in.

        Raises:
            SettingsError: with every problem, each with its variable and its fix.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            names = {field: str(info.alias) for field, info in cls.model_fields.items()}
            errors = [(str(each["loc"][0]), each["msg"].removeprefix(PREFIX)) for each in error.errors()]
            problems = "\n".join(f"  {names.get(at, at)}: {visible(said)}" for at, said in errors)
            raise SettingsError(
                f"the inputs are not complete:\n{problems}", "fix them all, then run again"
            ) from None

    @property
    def bucket(self) -> str:
        """The name of the backups' bucket."""
        return bucket_name(self.bucket_suffix, self.s3_bucket_base_name)

    @property
    def title(self) -> str:
        """The deployment in words: what a question names."""
        return f"{self.bucket_suffix} in {self.region}"

    @property
    def credentials(self) -> dict[str, str]:
        """The key pair that was given, or else what boto3's chain finds, by boto3's names."""
        return find_credentials(self.access_key, self.secret_key, self.session_token)

    @field_validator("*", mode="before")
    @classmethod
    def _seen(cls, value: object, info: ValidationInfo) -> object:
        """Name what nobody sees before anything else is said of a value."""
        if isinstance(value, str) and info.field_name not in AS_THEY_ARE:
            require_seen(value, secret=info.field_name in SECRETS)
        return value

    @field_validator("s3_bucket_base_name")
    @classmethod
    def _base_name(cls, value: str) -> str:
        return valid_base_name(value)

    @field_validator("bucket_suffix")
    @classmethod
    def _suffix(cls, value: str, info: ValidationInfo) -> str:
        return valid_suffix(value, info.data.get("s3_bucket_base_name", BASE_NAME))

    @field_validator("region")
    @classmethod
    def _region(cls, value: str) -> str:
        given = {"AWS_REGION": value} | {name: os.environ.get(name, "") for name in REGIONS}
        given = {name: region for name, region in given.items() if region} or default_region()
        for name, region in given.items():
            if not REGION.fullmatch(region):
                said = unseen(region) or f"write it like {DEFAULT_REGION}"
                raise ValueError(f"{shown(region)} ({name}) is not a region's name; {said}")
        if len(set(given.values())) > 1:
            named = " and ".join(f"{name} is {region}" for name, region in given.items())
            raise ValueError(f"{named}; set them to one and the same region, or unset all but one")
        return next(iter(given.values()))

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        others = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]
        if value or others:
            named = " and ".join(others) + " is set" if others else "is set"
            raise ValueError(f"{named}, but only a rehearsal uses an emulator; unset it")
        if configured := configured_endpoint():
            fix = "remove it there, or name another profile in AWS_PROFILE"
            raise ValueError(f"the profile in use names an emulator, {shown(configured)}, in ~/.aws; {fix}")
        return value

    @field_validator("access_key")
    @classmethod
    def _access_key(cls, value: str, info: ValidationInfo) -> str:
        secret, token = (info.data.get(name, "") for name in ("secret_key", "session_token"))
        try:
            credentials = find_credentials(value, secret, token)
        except ProfileNotFound:
            require_seen_profile()
            raise ValueError(f"{shown_profile()} is not in ~/.aws; name one that is there") from None
        except (BotoCoreError, ClientError) as error:
            raise ValueError(f"{error}; set both halves of the key pair, or fix the profile") from None
        if not credentials:
            raise ValueError(
                "no credentials; export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            )
        if said := [
            f"{name.upper()} {words}" for name, each in credentials.items() if (words := unseen(each))
        ]:
            raise ValueError("; ".join(said).removeprefix("AWS_ACCESS_KEY_ID "))
        return value


class Settings(StateSettings, AccountSettings):
    """What it takes to deploy."""

    admin_cidr: str = Field("", alias="TF_VAR_admin_cidr", validate_default=True)
    domain: str = Field("", alias="TF_VAR_domain")
    workers: int = Field(0, alias="TF_VAR_workers", ge=0)
    ssh_key: Path = Field(Path("~/.ssh/id_ed25519"), alias="QUICKDATA_SSH_KEY", validate_default=True)
    vault_file: Path | None = Field(None, alias="ANSIBLE_VAULT_PASSWORD_FILE")
    vault_password: str = Field("", alias="VAULT_PASSWORD", validate_default=True)

    @field_validator("admin_cidr")
    @classmethod
    def _cidr(cls, value: str) -> str:
        if not value:
            raise ValueError(
                "not set; export the addresses that may reach SSH and NocoDB, such as 203.0.113.7/32"
            )
        try:
            network = IPv4Network(value, strict=False)
        except ValueError:
            raise ValueError(f"{shown(value)} is not an IPv4 range; write it like 203.0.113.7/32") from None
        if network.prefixlen < WIDEST:
            raise ValueError(
                f"{shown(value)} would open SSH to more than 16 million addresses; name your own only"
            )
        return value

    @field_validator("domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        if value and not DOMAIN.fullmatch(value):
            raise ValueError(
                f"{shown(value)} is not a host name;"
                " write it as nocodb.example.org, without https:// or a path"
            )
        return value

    @field_validator("ssh_key")
    @classmethod
    def _key(cls, value: Path) -> Path:
        if "\n" in str(value).strip() or str(value).startswith("-----BEGIN"):
            raise ValueError(
                "holds the key itself; name a file that has it, such as a GitLab variable of type File"
            )
        path = _expanded(value)
        if not path.is_file() or not path.with_name(path.name + ".pub").is_file():
            raise ValueError(
                f"{shown(str(path))}{_because(path)} and its .pub are not both there;"
                " run ssh-keygen -t ed25519, or name another key"
            )
        if not os.access(path, os.R_OK):
            raise ValueError(f"{path} is not yours to read; name a key of your own")
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"{path} can be read by others; chmod 600 {path}")
        return path

    @field_validator("vault_file", mode="before")
    @classmethod
    def _no_file(cls, value: object) -> object:
        """Take nothing for no file: a password that was typed says so."""
        return value or None

    @field_validator("vault_file")
    @classmethod
    def _exists(cls, value: Path | None) -> Path | None:
        if value and not _expanded(value).is_file():
            raise ValueError(
                f"names no file that is there{_because(value)}; name an existing one, or unset the variable"
            )
        return value and _expanded(value).resolve()

    @field_validator("vault_password")
    @classmethod
    def _vault(cls, value: str, info: ValidationInfo) -> str:
        if not value and "vault_file" in info.data and not info.data["vault_file"]:
            raise ValueError("not set; export it, or name a file in ANSIBLE_VAULT_PASSWORD_FILE")
        return value


def _expanded(path: Path) -> Path:
    """Return a path with its home; one that no file can have is an input error like any other."""
    try:
        expanded = path.expanduser()
        expanded.stat()
    except FileNotFoundError:
        return expanded
    except (OSError, RuntimeError) as error:
        said = error.strerror if isinstance(error, OSError) else error  # its own words have the path
        raise ValueError(f"names a file that cannot be looked at ({said}); name another") from None
    return expanded


def _because(path: Path) -> str:
    """Return the character that may be why there is no file at a path: a name may have any."""
    said = unseen(str(path))
    return f" ({said.partition('; ')[0]})" if said else ""
