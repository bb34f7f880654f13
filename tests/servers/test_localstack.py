"""LocalStack beside LocalStack: nothing is shared, nothing is left."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from pipeline.servers.localstack import LocalStack
from pipeline.servers.localstack import localstack as run_localstack
from tests.support.clouds import cloud_of

BUCKET = "of-the-same-name"
LARGE = b"x" * 2_000_000
"""Small objects stay in memory."""


async def test_a_bucket_deleted_on_one_server_stays_on_another(
    localstack: LocalStack, tmp_path: Path
) -> None:
    async with run_localstack(tmp_path / "other") as other:
        ours, theirs = (cloud_of(s).client("s3") for s in (localstack, other))
        here = {"LocationConstraint": other.region}
        for client in (ours, theirs):
            client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=here)
        assert (tmp_path / "other/objects" / BUCKET).is_dir()
        theirs.delete_bucket(Bucket=BUCKET)
        with pytest.raises(ClientError):
            theirs.head_bucket(Bucket=BUCKET)
        ours.put_object(Bucket=BUCKET, Key="key", Body=LARGE)
        assert ours.get_object(Bucket=BUCKET, Key="key")["Body"].read() == LARGE
