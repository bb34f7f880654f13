"""What boto3's chain and the profile in use give: credentials, a region, an emulator's address."""

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
"""Botocore's name for the method that turns an ID token into keys."""


@dataclass(frozen=True)
class WebIdentity:
    """A role, and the ID token that gets keys for this role whenever they expire.

    Args:
        role: the role's ARN.
        token: the ID token; the role trusts its issuer.
    """

    role: str
    token: str = field(repr=False)


def require_seen_profile() -> None:
    """Make sure that the profile's name has no invisible character.

    Raises:
        ValueError: the name has one.
    """
    try:
        require_seen(os.environ.get("AWS_PROFILE", ""))
    except ValueError as error:
        raise ValueError(f"AWS_PROFILE {error}") from None


def shown_profile() -> str:
    """Return the profile in use and the variable that names it, as an error shows them."""
    named = {name: os.environ.get(name, "") for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")}
    name, profile = next((each for each in named.items() if each[1]), ("AWS_PROFILE", "default"))
    return f"{name}: the profile {shown(profile)}"


def default_region() -> dict[str, str]:
    """Return the region of the profile in use, or the stacks' default; the key says where it comes from."""
    try:
        region = botocore.session.get_session().get_scoped_config().get("region")
    except BotoCoreError:  # the validator of the credentials reports a wrong profile
        region = None
    return {"the profile's region": region} if region else {"the default": DEFAULT_REGION}


def configured_endpoint() -> str:
    """Return the first endpoint of the profile in use, for all services or one; empty if there is none."""
    session = botocore.session.get_session()
    try:
        profile = session.get_scoped_config()
    except BotoCoreError:  # the validator of the credentials reports a wrong profile
        return ""
    services = session.full_config.get("services", {}).get(profile.get("services"), {})
    named = [profile, *(each for each in services.values() if isinstance(each, dict))]
    return next((each["endpoint_url"] for each in named if each.get("endpoint_url")), "")


def find_credentials(access_key: str, secret_key: str, session_token: str) -> dict[str, str]:
    """Return the given key pair, or the credentials of boto3's chain (a profile, a web identity, a role).

    Args:
        access_key: the id of the access key.
        secret_key: the secret access key.
        session_token: the session token of temporary keys.

    Returns:
        The credentials by boto3's names; empty if there are none.

    Raises:
        BotoCoreError: the profile does not exist, or half of a key pair is missing.
        ClientError: a role cannot be assumed.
    """
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    _require_whole_pair(access_key, secret_key, session_token)
    pair = (access_key, secret_key, session_token or None) if access_key and secret_key else ()
    session = boto3.Session(*pair)
    botocore.session.get_session().get_scoped_config()  # raises if the profile does not exist
    credentials = session.get_credentials()
    if credentials is None:
        return {}
    frozen = credentials.get_frozen_credentials()
    parts = zip(names, (frozen.access_key, frozen.secret_key, frozen.token), strict=True)
    return {name: value for name, value in parts if value}


def find_identity(access_key: str) -> WebIdentity | None:
    """Return the web identity that boto3's chain gets its keys with; None if it uses another method.

    Args:
        access_key: the id of the given key pair; if it is set, the chain is not used.
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
    """Refuse half a key pair: boto3's chain would go on and find the credentials of another account."""
    halves = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    missing = [name for name, value in halves.items() if not value]
    if missing and (access_key or secret_key or session_token):
        raise PartialCredentialsError(provider="the inputs", cred_var=" and ".join(missing))
