"""The database node's role in an AWS that enforces policies, as OpenTofu made it there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3

from pipeline.servers.localstack import ACCOUNT, LocalStack
from pipeline.settings.suffix import bucket_name
from tests.support.clouds import KEYS
from tests.support.denied_calls import policy
from tests.support.enforcing import enforcing
from tests.support.stacks import BUCKET, applied, deployment, init

SUFFIX = "privilege"
STORAGE = (BUCKET, "aws_s3_bucket_versioning.backups", "aws_s3_bucket_ownership_controls.backups")
"""Without the bucket's policy, which denies what does not come by TLS: this AWS speaks none."""
APP = (
    "aws_iam_role_policy.backups",
    "aws_iam_instance_profile.database",
    "aws_iam_role_policy.recovery",
    "aws_iam_role_policy.take_recovery",
)


@dataclass(frozen=True)
class Role:
    """The role, and an AWS that has it.

    Args:
        aws: the emulator.
        bucket: the deployment's bucket.
        name: the role's.
        keys: temporary credentials of the role, as boto3 names them.
    """

    aws: LocalStack
    bucket: str
    name: str
    keys: dict[str, str]
    clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """Return a client with the role's credentials."""
        return self._client(service, self.keys)

    def root(self, service: str) -> Any:
        """Return a client that may do everything."""
        return self._client(service, KEYS)

    def _client(self, service: str, keys: dict[str, str]) -> Any:
        name = service, keys["aws_access_key_id"]
        if name not in self.clients:  # one costs more than a hundred calls
            session = boto3.Session(**keys, region_name=self.aws.region)
            self.clients[name] = session.client(service, endpoint_url=self.aws.endpoint)
        return self.clients[name]

    @property
    def policy(self) -> str:
        """The name of the policy for the backups."""
        return f"quickdata-{SUFFIX}-backups"

    @property
    def recovery(self) -> str:
        """The ARN of the role that the database's container gets keys of."""
        return f"arn:aws:iam::{ACCOUNT}:role/quickdata-{SUFFIX}-recovery"

    @property
    def configuration(self) -> dict[str, str]:
        """What the program's configuration says instead of the instance's metadata service."""
        return {name.upper(): value for name, value in self.keys.items()}


@asynccontextmanager
async def vm_role(directory: Path) -> AsyncIterator[Role]:
    """Apply what concerns the role, of both stacks, and take its credentials.

    Args:
        directory: an own directory.
    """
    async with enforcing(directory / "aws") as aws:
        d = deployment(directory / "workspace", aws, SUFFIX)
        for stack, targets in ((d.storage, STORAGE), (d.app, APP)):
            await init(d, stack)
            await applied(d, stack, *targets)
        role = Role(aws, bucket_name(SUFFIX), f"quickdata-{SUFFIX}-database", {})
        yield replace(role, keys=credentials(role))


def credentials(role: Role) -> dict[str, str]:
    """Let the account assume the role for a moment: normally only machines of EC2 get its credentials."""
    iam, arn = role.root("iam"), f"arn:aws:iam::{ACCOUNT}"
    rendered = iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"]
    document = policy(Action="sts:AssumeRole", Principal={"AWS": f"{arn}:root"})
    iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=document)
    session = {"RoleArn": f"{arn}:role/{role.name}", "RoleSessionName": "i-0123456789abcdef0"}
    found = role.root("sts").assume_role(**session)["Credentials"]
    iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=json.dumps(rendered))
    return named(found)


def named(found: dict[str, Any]) -> dict[str, str]:
    """Return the credentials in an answer of STS, as boto3 names them."""
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }
