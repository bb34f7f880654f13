"""A bucket of another region is seen as the user's own, and refused."""

import pytest

from pipeline.aws.account import Cloud
from pipeline.errors import RegionDiffers
from pipeline.servers.localstack import LocalStack
from tests.support.clouds import KEYS


async def test_a_bucket_in_another_region_is_yours_and_refused(localstack: LocalStack) -> None:
    here, there = (Cloud(KEYS, region, localstack.endpoint) for region in (localstack.region, "eu-west-1"))
    place = {"LocationConstraint": localstack.region}
    here.client("s3").create_bucket(Bucket="of-a-region", CreateBucketConfiguration=place)
    assert await here.owns("of-a-region")
    with pytest.raises(RegionDiffers, match=f"of-a-region is in {localstack.region}"):
        await there.owns("of-a-region")
