"""The inputs that say where the states are kept, and with which credentials."""

import re
from ipaddress import ip_address
from typing import Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from pipeline.settings.invisible import unseen
from pipeline.settings.shown import shown
from pipeline.settings.suffix import BASE_NAME, ENDING, longest_suffix

StateName = Literal["local", "s3", "gitlab"]
"""The name of a place that keeps states."""
STATES = get_args(StateName)
PROJECT = re.compile(r"\d+|[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
SHORTEST = 16
"""The fewest characters that OpenTofu's pbkdf2 key provider accepts."""


class StateSettings(BaseSettings):
    """Where the states are kept. GitLab's container registry uses the same user and token."""

    state: str = Field("local", alias="QUICKDATA_STATE")
    state_from: str = Field("local", alias="QUICKDATA_STATE_FROM")
    state_passphrase: str = Field("", alias="QUICKDATA_STATE_PASSPHRASE")
    gitlab_url: str = Field("", alias="GITLAB_URL", validate_default=True)
    gitlab_project: str = Field("", alias="GITLAB_PROJECT", validate_default=True)
    gitlab_user: str = Field("", alias="GITLAB_USER")
    gitlab_pat: str = Field("", alias="GITLAB_PAT", validate_default=True)

    @field_validator("state", "state_from")
    @classmethod
    def _state(cls, value: str, info: ValidationInfo) -> str:
        if value not in STATES:
            raise ValueError(f"{shown(value)} is not a place for states; use one of {', '.join(STATES)}")
        most = longest_suffix(info.data.get("s3_bucket_base_name", BASE_NAME), ENDING)
        if value == "s3" and len(info.data.get("bucket_suffix", "")) > most:
            fitting = f"suffix of at most {most} characters"
            use = fitting if most > 0 else "shorter TF_VAR_s3_bucket_base_name"
            raise ValueError(
                f"s3 adds -tfstate to the bucket name, which gets too long; use a {use}, or local"
            )
        return value

    @field_validator("state_passphrase")
    @classmethod
    def _passphrase(cls, value: str) -> str:
        if value != value.strip("\r\n"):  # the value cannot be changed here: it may have encrypted a state
            raise ValueError(unseen(value))
        if value and len(value) < SHORTEST:
            raise ValueError(f"is too short; use at least {SHORTEST} characters")
        return value

    @field_validator("gitlab_url")
    @classmethod
    def _url(cls, value: str, info: ValidationInfo) -> str:
        if not value and _in_gitlab(info):
            raise ValueError(
                "is not set, but the states are in GitLab; export its address, such as https://gitlab.com"
            )
        if value and not _is_server(value):
            raise ValueError(
                f"{shown(value)} is not the address of a GitLab server;"
                " write it like https://gitlab.example.org"
            )
        return value.rstrip("/")

    @field_validator("gitlab_project")
    @classmethod
    def _project(cls, value: str, info: ValidationInfo) -> str:
        if not value and _in_gitlab(info):
            raise ValueError("is not set, but the states are in GitLab; export the project's ID or path")
        if value and not PROJECT.fullmatch(value):
            raise ValueError(
                f"{shown(value)} is not a GitLab project; write its ID, or its path like group/project"
            )
        return value

    @field_validator("gitlab_pat")
    @classmethod
    def _gitlab(cls, value: str, info: ValidationInfo) -> str:
        if not value and _in_gitlab(info):
            raise ValueError("and GITLAB_USER are needed, because the states are in GitLab; export both")
        if "gitlab_user" in info.data and bool(value) != bool(info.data["gitlab_user"]):
            raise ValueError("and GITLAB_USER belong together; export both or neither")
        return value


def _in_gitlab(info: ValidationInfo) -> bool:
    return "gitlab" in (info.data.get("state"), info.data.get("state_from"))


def _is_server(value: str) -> bool:
    """Tell whether a value is a server's address with https, or with http on this machine."""
    try:
        url = urlsplit(value)
        host = url.hostname or ""
        here = host == "localhost" or (host[:1].isdigit() and ip_address(host).is_loopback)
        _ = url.port
    except ValueError:
        return False
    plain = url.username is None and not url.query and not url.fragment
    return bool(host) and plain and (url.scheme == "https" or (url.scheme == "http" and here))
