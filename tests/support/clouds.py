"""The emulator as boto3 sees it."""

from functools import cache
from typing import Any

from pipeline.aws.account import Cloud
from pipeline.servers.localstack import LocalStack

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
"""The emulator's well-known key pair."""


def cloud_of(server: LocalStack) -> Cloud:
    """Return what asks an emulator."""
    return Cloud(KEYS, server.region, server.endpoint)


@cache
def client_of(server: LocalStack, service: str) -> Any:
    """Return boto3's client for an emulator, made once: making one costs more than a hundred calls."""
    return cloud_of(server).client(service)
