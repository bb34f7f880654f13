"""The inputs for the AWS account and the bucket: credentials, region, names.

All are validated before the first step, and all problems are reported at once.
"""

import os
import re
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
from pipeline.settings.suffix import BASE_NAME, bucket_name, valid_base_name, valid_suffix

PREFIX = "Value error, "
"""Pydantic puts this before a validator's message."""
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
REGIONS = ("AWS_DEFAULT_REGION", "TF_VAR_region")
"""Other variables for the region: AWS's command line reads the first, the stacks read the second."""
ENDPOINT = "AWS_ENDPOINT_URL"
"""The variable for all services; AWS_ENDPOINT_URL_S3 and the like name an endpoint for one service."""
SECRETS = ("gitlab_pat",)
"""Fields whose values no error shows."""
SESSION_TOKEN = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
"""The variables for the token, in botocore's order."""
KEYS = ("access_key", "secret_key", "session_token")
AS_THEY_ARE = (*KEYS, "ssh_key", "vault_file", "vault_password", "state_passphrase")
"""Fields with checks of their own, and the password, because Ansible drops a newline at its end."""


class AccountSettings(BaseSettings):
    """The inputs that are needed to read the bucket. A field's alias is the name of its variable."""

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
        """Read the inputs from the environment.

        Args:
            given: values from elsewhere, by variable name, such as a vault password that was typed in.

        Raises:
            SettingsError: one or more inputs are wrong; the error names each variable and its fix.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            names = {field: str(info.alias) for field, info in cls.model_fields.items()}
            errors = [(str(each["loc"][0]), each["msg"].removeprefix(PREFIX)) for each in error.errors()]
            problems = "\n".join(f"  {names.get(at, at)}: {visible(said)}" for at, said in errors)
            raise SettingsError(
                f"some inputs are missing or wrong:\n{problems}", "fix them all, then run again"
            ) from None

    @property
    def bucket(self) -> str:
        """The name of the backups' bucket."""
        return bucket_name(self.bucket_suffix, self.s3_bucket_base_name)

    @property
    def title(self) -> str:
        """The deployment's name, as questions show it."""
        return f"{self.bucket_suffix} in {self.region}"

    @property
    def credentials(self) -> dict[str, str]:
        """The given key pair, or the credentials that boto3's chain finds, by boto3's names."""
        return find_credentials(self.access_key, self.secret_key, self.session_token)

    @field_validator("*", mode="before")
    @classmethod
    def _seen(cls, value: object, info: ValidationInfo) -> object:
        """Refuse an invisible character first: other errors would not explain it."""
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
                raise ValueError(f"{shown(region)} ({name}) is not a region name; {said}")
        if len(set(given.values())) > 1:
            named = " and ".join(f"{name} is {region}" for name, region in given.items())
            raise ValueError(f"{named}; set them to the same region, or unset all but one")
        return next(iter(given.values()))

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        names = [ENDPOINT] if value else []
        names += sorted(name for name in os.environ if name.startswith(f"{ENDPOINT}_"))
        if names:
            said = "is set" if names == [ENDPOINT] else f"set: {', '.join(names)}"
            raise ValueError(f"{said}, but only a rehearsal uses an emulator; unset {', '.join(names)}")
        if configured := configured_endpoint():
            fix = "remove endpoint_url from the profile, or name another profile in AWS_PROFILE"
            raise ValueError(f"the profile in use names an emulator, {shown(configured)}; {fix}")
        return value

    @field_validator("access_key")
    @classmethod
    def _access_key(cls, value: str, info: ValidationInfo) -> str:
        secret, token = (info.data.get(name, "") for name in ("secret_key", "session_token"))
        try:
            credentials = find_credentials(value, secret, token)
        except ProfileNotFound:
            require_seen_profile()
            raise ValueError(f"{shown_profile()} is not in ~/.aws; name a profile from there") from None
        except (BotoCoreError, ClientError) as error:
            raise ValueError(f"{error}; set both halves of the key pair, or fix the profile") from None
        if not credentials:
            raise ValueError(
                "no AWS credentials were found;"
                " export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            )
        if said := [
            f"{name.upper()} {words}" for name, each in credentials.items() if (words := unseen(each))
        ]:
            raise ValueError("; ".join(said).removeprefix("AWS_ACCESS_KEY_ID "))
        return value
