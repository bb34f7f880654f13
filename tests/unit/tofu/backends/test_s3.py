"""The bucket of the states is protected as the bucket of the backups is."""

import json
import re
from collections.abc import Callable

import pytest

from pipeline.aws.account import Cloud
from pipeline.machine.repository import REPOSITORY
from pipeline.tofu.backends.s3 import S3, only_tls


def test_plain_http_and_old_tls_are_denied_to_everybody_for_bucket_and_objects() -> None:
    arn = "arn:aws-cn:s3:::states"
    every = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    assert only_tls("states", "aws-cn")["Statement"] == [
        {"Sid": "DenyInsecureTransport", **every, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "DenyOldTls", **every, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]


def test_the_rules_are_those_of_the_backups_bucket() -> None:
    storage = (REPOSITORY / "infrastructure/terraS3/s3.tf").read_text()
    denied = re.findall(r"^ +(Deny\w+) += ", storage, re.MULTILINE)
    assert denied == [each["Sid"] for each in only_tls("states", "aws")["Statement"]]


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-3", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_partition_follows_from_the_region(region: str, partition: str) -> None:
    assert Cloud({}, region).partition == partition


def test_the_states_bucket_gets_the_rules_of_its_own_partition() -> None:
    class Client:
        policy = ""

        def put_bucket_policy(self, Bucket: str, Policy: str) -> None:  # noqa: N803 - boto3's names
            self.policy = Policy

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda **_: None

    client = Client()
    S3(Cloud({}, "cn-north-1"), "states")._protect(client)
    assert json.loads(client.policy) == only_tls("states", "aws-cn")
