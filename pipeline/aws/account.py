"""AWS asked before anything is created: whose account, whose bucket, whose state was lost."""

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
"""What S3 answers about a bucket that nobody has."""
CANDIDATES = 8
"""Suffixes tried before the user is left to choose."""

QUICK = Config(  # type: ignore[call-arg] # the stubs do not know the last one
    retries={"total_max_attempts": 3},
    connect_timeout=5,
    read_timeout=30,
    ignore_configured_endpoint_urls=True,  # an endpoint comes from a rehearsal, never from ~/.aws/config
)


EMULATED = QUICK.merge(Config(proxies={}))
"""For an emulator, which is on this machine or beside it: never by a proxy."""


def session(credentials: Mapping[str, str], region: str) -> boto3.Session:
    """Return a session of boto3 that knows what it is given, and nothing of ~/.aws or AWS_PROFILE.

    Args:
        credentials: boto3's arguments for the key pair and the token.
        region: the region's name.
    """
    nowhere = (None, None, None, None)  # neither in a file nor in the environment, no default, no conversion
    alone = botocore.session.Session(dict.fromkeys(("profile", "config_file", "credentials_file"), nowhere))
    return boto3.Session(**credentials, region_name=region, botocore_session=alone)


@dataclass(frozen=True)
class Cloud:
    """AWS, or an emulator of it, as one deployment sees it.

    Args:
        credentials: boto3's arguments for the key pair and the token.
        region: the region's name.
        endpoint: an emulator's URL; None is AWS itself.
        base_name: what the buckets' names begin with.
        identity: how the credentials can be had again; None where they last.
    """

    credentials: Mapping[str, str]
    region: str
    endpoint: str | None = None
    base_name: str = BASE_NAME
    identity: WebIdentity | None = None

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
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
            SettingsError: the credentials are not accepted.
        """
        return str((await self.ask(self._identity))["Account"])

    async def ask(self, call: Callable[..., Any], *arguments: str) -> Any:
        """Wait for calls of boto3 in a thread; their failure becomes one that a user can fix.

        Args:
            call: a function that calls boto3.
            arguments: its arguments.

        Raises:
            ToolError: AWS refuses, or does not answer.
        """
        try:
            return await to_thread.run_sync(call, *arguments)
        except ClientError as error:
            raise ToolError(
                f"AWS refuses: {error}", "allow these credentials what it names, then run again"
            ) from error
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
        """Tell whether the account has the bucket; False when nobody has.

        Raises:
            BucketTaken: another account has it, or these credentials may not look at it.
            RegionDiffers: it is in another region.
            ToolError: AWS says neither.
        """
        status = str(await self.ask(self._head, bucket, await self.account()))
        if status in ("403", "AccessDenied"):
            fix = f"{await self._suggest_suffix(bucket)}: all of AWS shares the names; or allow s3:ListBucket"
            raise BucketTaken(f"the bucket {bucket} belongs to another account, or is kept from you", fix)
        if status not in ("200", "301", *FREE):
            raise ToolError(
                f"AWS does not say whose the bucket {bucket} is: {status}", "run again in a minute"
            )
        if status in FREE:
            return False
        if (region := await self.ask(self._region_of, bucket)) != self.region:
            raise RegionDiffers.between(f"the bucket {bucket}", region, self.region)
        return True

    def _region_of(self, bucket: str) -> str:
        """Return a bucket's region: Amazon S3 API Reference, HeadBucket, `x-amz-bucket-region`."""
        try:
            answer = self.client("s3").head_bucket(Bucket=bucket)
        except ClientError as error:  # a redirection, which names it too
            answer = error.response
        return str(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", self.region))

    async def _suggest_suffix(self, taken: str) -> str:
        """Say which suffix like the taken one is free; nothing is reserved by asking."""
        account, suffix = await self.account(), taken.removeprefix(bucket_name("", self.base_name))
        for ending in (f"-{number}" for number in range(2, CANDIDATES + 2)):
            room = max(longest_suffix(self.base_name, ending), 0)
            shortened = suffix[:room].rstrip("-")
            candidate = bucket_name(shortened + ending, self.base_name)
            if shortened and await self.ask(self._head, candidate, account) in FREE:
                return f"export TF_VAR_bucket_suffix={shortened + ending}, which is free"
        return "choose another TF_VAR_bucket_suffix"

    async def require_free(self, bucket: str, state: str = "local") -> None:
        """Check that a bucket which the state does not have does not exist either.

        Args:
            bucket: its name.
            state: where the states are kept, as `--state` says it.

        Raises:
            BucketTaken: another account has it.
            StateLost: this account has it.
        """
        if await self.owns(bucket):
            fix = "bring back the state of infrastructure/terraS3, or run `quickdata adopt storage`"
            what = f"the bucket {bucket} exists, but the storage state does not know it"
            raise StateLost(what, placed(fix, state))

    def _head(self, bucket: str, account: str) -> str:
        try:
            self.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "200"
