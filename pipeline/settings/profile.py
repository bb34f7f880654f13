"""What boto3's chain and the profile in use say: credentials, region, an emulator's address."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, PartialCredentialsError

from pipeline.settings.invisible import require_seen
from pipeline.settings.shown import shown

DEFAULT_REGION = "eu-west-3"
"""As in both stacks' variables.tf."""
METHOD = "assume-role-with-web-identity"
"""What botocore calls its way from an ID token to keys."""


@dataclass(frozen=True)
class WebIdentity:
    """A role, and the ID token that gets its keys, again and again.

    Args:
        role: the role's ARN.
        token: the token, whose issuer the role trusts.
    """

    role: str
    token: str = field(repr=False)


def require_seen_profile() -> None:
    """Name a character that nobody sees in the profile's name.

    Raises:
        ValueError: it has one.
    """
    try:
        require_seen(os.environ.get("AWS_PROFILE", ""))
    except ValueError as error:
        raise ValueError(f"AWS_PROFILE {error}") from None


def shown_profile() -> str:
    """Return the profile in use as an error quotes it, by the variable that names it."""
    named = {name: os.environ.get(name, "") for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")}
    name, profile = next((each for each in named.items() if each[1]), ("AWS_PROFILE", "default"))
    return f"{name}: the profile {shown(profile)}"


def default_region() -> dict[str, str]:
    """Return the region of the profile in use, else the stacks' own, by where it is from."""
    try:
        region = botocore.session.get_session().get_scoped_config().get("region")
    except BotoCoreError:  # what is wrong with the profile, the credentials' validator says
        region = None
    return {"the profile's region": region} if region else {"the default": DEFAULT_REGION}


def configured_endpoint() -> str:
    """Return the first endpoint that the profile in use names, for all services or for one; empty without."""
    session = botocore.session.get_session()
    try:
        profile = session.get_scoped_config()
    except BotoCoreError:  # what is wrong with it, the credentials' validator says
        return ""
    services = session.full_config.get("services", {}).get(profile.get("services"), {})
    named = [profile, *(each for each in services.values() if isinstance(each, dict))]
    return next((each["endpoint_url"] for each in named if each.get("endpoint_url")), "")


def find_credentials(access_key: str, secret_key: str, session_token: str) -> dict[str, str]:
    """Return the key pair that was given; without one, the chain's (a profile, a web identity, a role).

    Args:
        access_key: the key's id.
        secret_key: its other half.
        session_token: of temporary keys.

    Returns:
        What was found by boto3's names; nothing where there are no credentials.

    Raises:
        BotoCoreError: the profile is not there, or half of a key pair is missing.
        ClientError: a role cannot be assumed.
    """
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    _require_whole_pair(access_key, secret_key, session_token)
    pair = (access_key, secret_key, session_token or None) if access_key and secret_key else ()
    session = boto3.Session(*pair)
    botocore.session.get_session().get_scoped_config()  # raises for a profile that is not there
    credentials = session.get_credentials()
    if credentials is None:
        return {}
    frozen = credentials.get_frozen_credentials()
    parts = zip(names, (frozen.access_key, frozen.secret_key, frozen.token), strict=True)
    return {name: value for name, value in parts if value}


def find_identity(access_key: str) -> WebIdentity | None:
    """Return the web identity by which boto3's chain gets its keys; None when it gets them otherwise.

    Args:
        access_key: the id of the key pair that was given; with it, the chain is not asked.
    """
    session = botocore.session.get_session()
    credentials = None if access_key else session.get_credentials()
    if credentials is None or credentials.method != METHOD:
        return None
    profile = session.get_scoped_config()
    role, token = (
        os.environ.get(f"AWS_{name.upper()}") or profile[name]
        for name in ("role_arn", "web_identity_token_file")
    )
    return WebIdentity(role, Path(token).read_text(encoding="utf-8"))


def _require_whole_pair(access_key: str, secret_key: str, session_token: str) -> None:
    """Refuse half a key pair, in botocore's words: the chain would go on, and somebody else would act."""
    halves = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    missing = [name for name, value in halves.items() if not value]
    if missing and (access_key or secret_key or session_token):
        raise PartialCredentialsError(provider="the inputs", cred_var=" and ".join(missing))
