"""Ask AWS before anything is created: which account is used, and who owns the bucket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import botocore.session
from anyio import to_thread
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.advice import placed
from pipeline.errors import BucketTaken, RegionDiffers, SettingsError, StateLost, ToolError
from pipeline.settings.profile import WebIdentity
from pipeline.settings.suffix import BASE_NAME, bucket_name, longest_suffix

BUCKET = "aws_s3_bucket.backups"
"""The bucket's address in infrastructure/terraS3."""
FREE = ("404", "NoSuchBucket")
"""S3's answers for a bucket that does not exist."""
CANDIDATES = 8
"""How many suffixes to try before the user must choose one."""

QUICK = Config(  # type: ignore[call-arg] # the stubs do not have the last argument
    retries={"total_max_attempts": 3},
    connect_timeout=5,
    read_timeout=30,
    ignore_configured_endpoint_urls=True,  # an endpoint comes from a rehearsal, never from ~/.aws/config
)


EMULATED = QUICK.merge(Config(proxies={}))
"""The configuration for an emulator: no proxy leads to it."""


def session(credentials: Mapping[str, str], region: str) -> boto3.Session:
    """Return a boto3 session that uses only its arguments, and ignores ~/.aws and AWS_PROFILE.

    Args:
        credentials: boto3's arguments for the key pair and the token.
        region: the region's name.
    """
    nowhere = (None, None, None, None)  # not in a file, not in the environment, no default, no conversion
    alone = botocore.session.Session(dict.fromkeys(("profile", "config_file", "credentials_file"), nowhere))
    return boto3.Session(**credentials, region_name=region, botocore_session=alone)


@dataclass(frozen=True)
class Cloud:
    """The AWS account and region of a deployment, or an emulator.

    Args:
        credentials: boto3's arguments for the key pair and the token.
        region: the region's name.
        endpoint: an emulator's URL; None means AWS.
        base_name: the beginning of the bucket names.
        identity: the web identity that can get new credentials; None if there is none.
    """

    credentials: Mapping[str, str]
    region: str
    endpoint: str | None = None
    base_name: str = BASE_NAME
    identity: WebIdentity | None = None

    def client(self, service: str) -> Any:
        """Return boto3's client for a service."""
        config = EMULATED if self.endpoint else QUICK
        return self._session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    @cached_property
    def _session(self) -> boto3.Session:
        return session(self.credentials, self.region)

    @property
    def partition(self) -> str:
        """The part of AWS that the region belongs to, as ARNs name it: "aws", "aws-cn", "aws-us-gov"."""
        return self._session.get_partition_for_region(self.region)

    async def account(self) -> str:
        """Return the account's number.

        Raises:
            ToolError: the endpoint does not answer.
            SettingsError: AWS does not accept the credentials.
        """
        return str((await self.ask(self._identity))["Account"])

    async def ask(self, call: Callable[..., Any], *arguments: str) -> Any:
        """Run calls of boto3 in a thread, and turn their failure into an error that a user can fix.

        Args:
            call: a function that calls boto3.
            arguments: its arguments.

        Raises:
            ToolError: AWS refuses, or does not answer.
        """
        try:
            return await to_thread.run_sync(call, *arguments)
        except ClientError as error:
            fix = "allow these credentials the action that AWS names, then run again"
            raise ToolError(f"AWS refuses: {error}", fix) from error
        except BotoCoreError as error:
            where = self.endpoint or f"AWS ({self.region})"
            raise ToolError(
                f"{where} does not answer", "check the network and the region", str(error)
            ) from error

    def _identity(self) -> Any:
        try:
            return self.client("sts").get_caller_identity()
        except ClientError as error:
            what = f"AWS does not accept the credentials: {error.response['Error']['Message']}"
            raise SettingsError(what, "renew AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") from error

    async def owns(self, bucket: str) -> bool:
        """Tell whether the account owns the bucket; False if the bucket does not exist.

        Raises:
            BucketTaken: the bucket belongs to another account, or these credentials may not see it.
            RegionDiffers: the bucket is in another region.
            ToolError: AWS gives another answer.
        """
        status = str(await self.ask(self._head, bucket, await self.account()))
        if status in ("403", "AccessDenied"):
            suggested = await self._suggest_suffix(bucket)
            fix = f"{suggested}; if the bucket is yours, allow these credentials s3:ListBucket"
            what = f"the bucket {bucket} belongs to another account, or these credentials may not see it"
            raise BucketTaken(what, fix)
        if status not in ("200", "301", *FREE):
            what = f"AWS does not say who owns the bucket {bucket}: it answers {status}"
            raise ToolError(what, "run again in a minute")
        if status in FREE:
            return False
        if (region := await self.ask(self._region_of, bucket)) != self.region:
            raise RegionDiffers.between(f"the bucket {bucket}", region, self.region)
        return True

    def _region_of(self, bucket: str) -> str:
        """Return a bucket's region: Amazon S3 API Reference, HeadBucket, `x-amz-bucket-region`."""
        try:
            answer = self.client("s3").head_bucket(Bucket=bucket)
        except ClientError as error:  # a redirect, which has the header too
            answer = error.response
        return str(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", self.region))

    async def _suggest_suffix(self, taken: str) -> str:
        """Suggest a free suffix that is similar to the taken one. Asking does not reserve it."""
        account, suffix = await self.account(), taken.removeprefix(bucket_name("", self.base_name))
        for ending in (f"-{number}" for number in range(2, CANDIDATES + 2)):
            room = max(longest_suffix(self.base_name, ending), 0)
            shortened = suffix[:room].rstrip("-")
            candidate = bucket_name(shortened + ending, self.base_name)
            if shortened and await self.ask(self._head, candidate, account) in FREE:
                return f"export TF_VAR_bucket_suffix={shortened + ending}, which is free"
        return "choose another TF_VAR_bucket_suffix"

    async def require_free(self, bucket: str, state: str = "local") -> None:
        """Make sure that a bucket which is not in the state does not exist in AWS either.

        Args:
            bucket: the bucket's name.
            state: where the states are kept, as a value of `--state`.

        Raises:
            BucketTaken: the bucket belongs to another account.
            StateLost: the bucket belongs to this account.
        """
        if await self.owns(bucket):
            fix = "restore the state of infrastructure/terraS3, or run `quickdata adopt storage`"
            what = f"the bucket {bucket} exists, but it is not in the storage state"
            raise StateLost(what, placed(fix, state))

    def _head(self, bucket: str, account: str) -> str:
        try:
            self.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "200"
