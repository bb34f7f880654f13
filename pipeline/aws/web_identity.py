"""Get temporary keys for a role with an ID token, such as GitLab's."""

from typing import Any

import boto3
from anyio import to_thread
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import SettingsError
from pipeline.settings.profile import WebIdentity
from pipeline.settings.shown import shown

SESSION = "quickdata"
"""The session name that CloudTrail shows."""


async def temporary_keys(identity: WebIdentity, region: str) -> dict[str, str]:
    """Return temporary keys by the names of AWS's variables. They last an hour, or the role's own time.

    Args:
        identity: the role and the ID token.
        region: the region whose STS is used.

    Raises:
        SettingsError: STS refuses, or does not answer.
    """
    try:
        keys = await to_thread.run_sync(_assume, identity, region)
    except (BotoCoreError, ClientError, ValueError) as error:
        what = f"the role {shown(identity.role)} cannot be assumed with the web identity: {error}"
        raise SettingsError(what, "check the role's ARN, its trust policy and the token's audience") from None
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def _assume(identity: WebIdentity, region: str) -> Any:
    sts = boto3.client("sts", region_name=region, config=Config(signature_version=UNSIGNED))
    answer = sts.assume_role_with_web_identity(
        RoleArn=identity.role, RoleSessionName=SESSION, WebIdentityToken=identity.token
    )
    return answer["Credentials"]
