"""States in a separate bucket: versioned, encrypted, private, with a lock object beside each state."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from anyio import CancelScope
from botocore.exceptions import ClientError

from pipeline.aws.account import Cloud
from pipeline.errors import ToolError
from pipeline.steps.lock import Lock, read_lock
from pipeline.tofu.backends.base import Backend, Values
from pipeline.tofu.stack import Stack

WITHOUT_CONSTRAINT = "us-east-1"
"""The only region that must not be named to create a bucket: S3 API Reference, CreateBucket."""
CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True)
class S3(Backend):
    """A bucket with an object for each stack.

    Args:
        cloud: the account and region of the bucket.
        bucket: the bucket's name.
    """

    cloud: Cloud = field(repr=False)  # it contains the credentials
    bucket: str

    name = "s3"
    kind = "s3"

    def block(self, stack: str) -> Values:
        """Return bucket, key and region; the lock is an object, so no table is needed."""
        return {**self.source(stack), "encrypt": True, "use_lockfile": True}

    def source(self, stack: str) -> dict[str, str | bool]:
        """Return bucket, key and region; credentials and endpoint come from the environment."""
        return {"bucket": self.bucket, "key": f"{stack}/terraform.tfstate", "region": self.cloud.region}

    async def exists(self) -> bool:
        """Tell whether the bucket exists in this account."""
        return await self.cloud.owns(self.bucket)

    async def look(self) -> str:
        """Return whether the bucket exists in this account, in words."""
        if await self.exists():
            return f"in s3://{self.bucket}"
        return f"in s3://{self.bucket}, which does not exist yet: deploy creates it"

    async def create(self) -> str:
        """Create and protect the bucket, or complete what an interrupted run began."""
        if not await self.exists():
            await self._ask(self._create)
        await self._ask(self._protect)
        return await self.look()

    def _create(self, s3: Any) -> None:
        region = self.cloud.region
        constraint = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=self.bucket, **({} if region == WITHOUT_CONSTRAINT else constraint))

    def _protect(self, s3: Any) -> None:
        encrypted = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(CLOSED, True)
        )
        s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration={"Rules": [encrypted]})
        policy = only_tls(self.bucket, self.cloud.partition)
        s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))

    async def find_lock(self, stack: Stack) -> Lock | None:
        """Read the lock object, which both tools create with If-None-Match while they hold the lock."""
        text = await self._ask(self._content, _lock_key(stack))
        return None if text is None else _read(text)

    @asynccontextmanager
    async def hold_lock(self, stack: Stack, mine: Lock) -> AsyncIterator[None]:
        """Create the lock object as the tools do; it is always removed at the end of the block."""
        body = json.dumps(mine.document())
        if not await self._ask(self._create_object, _lock_key(stack), body):
            raise self.state_locked(stack, await self.find_lock(stack) or Lock("just released"))
        try:
            yield
        finally:
            with CancelScope(shield=True):
                await self.release(stack, mine)

    async def release(self, stack: Stack, lock: Lock) -> None:
        """Remove the lock object, if it is still this lock."""
        now = await self.find_lock(stack)
        if now and now.id != lock.id:
            raise self.state_locked(stack, now)
        await self._ask(self._delete, _lock_key(stack))

    async def put_away(self, stack: Stack, mine: Lock) -> str:
        """Delete the state's object; the bucket keeps its versions."""
        key = str(self.source(stack.name)["key"])
        await self._ask(self._delete, key)
        return f"the earlier versions of s3://{self.bucket}/{key}"

    async def _ask(self, call: Callable[..., Any], *arguments: str) -> Any:
        return await self.cloud.ask(partial(call, self.cloud.client("s3")), *arguments)

    def _content(self, s3: Any, key: str) -> str | None:
        try:
            return str(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
                return None
            raise

    def _create_object(self, s3: Any, key: str, body: str) -> bool:
        """Create an object if it does not exist; tell whether it was created."""
        try:
            s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode(), IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"):
                return False
            if error.response["Error"]["Code"] == "NoSuchBucket":
                what = f"the bucket {self.bucket} for the states does not exist"
                raise ToolError(what, "give --from the place that has the states") from error
            raise
        return True

    def _delete(self, s3: Any, key: str) -> None:
        s3.delete_object(Bucket=self.bucket, Key=key)


def only_tls(bucket: str, partition: str) -> dict[str, Any]:
    """Return the policy of the states' bucket: what infrastructure/terraS3 denies for the backups' bucket.

    Args:
        bucket: its name.
        partition: the part of AWS that has it, such as "aws" or "aws-cn".
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    denied = {
        "DenyInsecureTransport": {"Bool": {"aws:SecureTransport": "false"}},
        "DenyOldTls": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    }
    every = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    statements = [{"Sid": sid, **every, "Condition": condition} for sid, condition in denied.items()]
    return {"Version": "2012-10-17", "Statement": statements}


def _lock_key(stack: Stack) -> str:
    return f"{stack.name}/terraform.tfstate.tflock"


def _read(text: str) -> Lock:
    try:
        return read_lock(json.loads(text))
    except ValueError:
        return Lock("without an id")
