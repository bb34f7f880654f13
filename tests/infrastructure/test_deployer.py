"""Least privilege for whoever deploys: what is beyond the two policies is denied."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.servers.localstack import ACCOUNT, REGION, LocalStack
from pipeline.settings.suffix import bucket_name
from pipeline.tofu.backends.s3 import S3
from tests.support.authorizing import Authorizing, authorizing
from tests.support.clouds import client_of, cloud_of
from tests.support.denied_calls import ALLOW_ALL, Call, policy
from tests.support.denied_to_deployer import DENIED, NOT_LIMITED, OWN_NODE, PROTECTION, tags
from tests.support.deployer_policy import deployer_policy

SUFFIX, OTHER = "deployer", "deployer-7"
KEY = "postgres/nocodb_db/20260101T000000Z-0123abcd/dump.zst"
ROLE = f"quickdata-{SUFFIX}-database"
NO = {"AccessDenied", "UnauthorizedOperation", "403"}
"""How S3 and IAM say no, how EC2 does, and a HEAD, whose answer has no body."""
TRUST = policy(Action="sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})


@pytest.fixture(scope="module")
def proxy(localstack: LocalStack) -> Iterator[Authorizing]:
    with authorizing(localstack, deployer_policy(SUFFIX)) as found:
        yield found


@pytest.fixture(scope="module")
def places(localstack: LocalStack) -> dict[str, str]:
    """What the placeholders of the calls stand for; all of it is there. A longer name comes first."""
    cloud = cloud_of(localstack)
    image = cloud.client("ec2").describe_images()["Images"][0]["ImageId"]
    found = {"IMAGE": image}
    for whose, suffix in (("OUR", SUFFIX), ("THEIR", OTHER), ("LOOSE", None)):
        made = resources(cloud.client("ec2"), image, suffix)
        found |= {f"{whose}_{name}": each for name, each in made.items()}
    for name in (ROLE, "administrators"):
        cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        cloud.client("iam").create_instance_profile(InstanceProfileName=name)
        cloud.client("iam").add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    versions = [bucket(cloud.client("s3"), bucket_name(each)) for each in (SUFFIX, OTHER)]
    names = {"BUCKET": bucket_name(SUFFIX), "OTHER": bucket_name(OTHER), "SUFFIX": SUFFIX, "ROLE": ROLE}
    return {**found, **names, "KEY": KEY, "VERSION": versions[0], "ACCOUNT": ACCOUNT}


def resources(ec2: Any, image: str, suffix: str | None) -> dict[str, str]:
    """Make one of each kind with a deployment's tags, or without any."""

    def tagged(kind: str) -> dict[str, Any]:
        return {"TagSpecifications": tags(suffix, kind)} if suffix else {}

    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16", **tagged("vpc"))["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24", **tagged("subnet"))["Subnet"]["SubnetId"]
    group = {"VpcId": vpc, "GroupName": "g", "Description": "d", **tagged("security-group")}
    disk = {"AvailabilityZone": f"{REGION}a", "Size": 1, **tagged("volume")}
    node = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "SubnetId": subnet, **tagged("instance")}
    key = f"quickdata-{suffix}-test"
    ec2.create_key_pair(KeyName=key, **tagged("key-pair"))
    return {
        "VPC": vpc,
        "SUBNET": subnet,
        "GROUP": ec2.create_security_group(**group)["GroupId"],
        "DISK": ec2.create_volume(**disk)["VolumeId"],
        "NODE": ec2.run_instances(**node)["Instances"][0]["InstanceId"],
        "KEY": key,
    }


def bucket(s3: Any, name: str) -> str:
    """Make both buckets of a deployment; return the version of an object in the first."""
    for each in (name, f"{name}-tfstate"):
        s3.create_bucket(Bucket=each, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=each, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=each, Key="app/terraform.tfstate", Body=b"{}")
    return str(s3.put_object(Bucket=name, Key=KEY, Body=b"a dump")["VersionId"])


def answer(proxy: Authorizing, call: Call, places: dict[str, str], region: str = REGION) -> str:
    """Make a call; return the code of its error, or "allowed"."""
    text = json.dumps(call.arguments)
    for name, place in places.items():
        text = text.replace(name, place)
    client = client_of(LocalStack(proxy.url, region), call.service)
    try:
        getattr(client, call.operation)(**json.loads(text))
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


@pytest.mark.parametrize("call", DENIED, ids=lambda call: call.name)
def test_a_call_beyond_a_deployment_is_denied(proxy: Authorizing, places: dict[str, str], call: Call) -> None:
    assert answer(proxy, call, places) in NO


def test_a_node_of_ones_own_is_allowed_so_what_differs_is_why_others_are_denied(
    proxy: Authorizing, places: dict[str, str]
) -> None:
    assert answer(proxy, OWN_NODE, places) == "allowed"


@pytest.mark.parametrize("operation", ["describe_instances", "describe_volumes", "create_vpc"])
def test_another_region_is_out_of_reach(proxy: Authorizing, places: dict[str, str], operation: str) -> None:
    network = {"CidrBlock": "10.9.0.0/16", "TagSpecifications": tags(SUFFIX, "vpc")}
    call = Call(operation, "ec2", operation, network if operation == "create_vpc" else {})
    assert answer(proxy, call, places, "eu-west-1") in NO
    assert answer(proxy, call, places) == "allowed"


def test_states_in_s3_are_made_protected_locked_and_moved(proxy: Authorizing, places: dict[str, str]) -> None:
    del places  # the bucket is there already: `create` completes it
    s3, states = cloud_of(proxy.aws).client("s3"), f"{bucket_name(SUFFIX)}-tfstate"
    backend = S3(cloud_of(proxy.aws), states)
    backend._create_object(s3, "storage/terraform.tfstate.tflock", "{}")
    backend._protect(s3)
    assert backend._content(s3, "storage/terraform.tfstate.tflock") == "{}"
    backend._delete(s3, "storage/terraform.tfstate.tflock")


@pytest.mark.parametrize("call", PROTECTION, ids=lambda call: call.name)
def test_without_one_statement_nobody_changes_the_protection(
    proxy: Authorizing, places: dict[str, str], call: Call
) -> None:
    whole, proxy.policy = proxy.policy, deployer_policy(SUFFIX, without=["SetUpBackupsBucket"])
    try:
        assert answer(proxy, call, places) in NO
    finally:
        proxy.policy = whole


@pytest.mark.parametrize("call", NOT_LIMITED, ids=lambda call: call.name)
def test_what_the_page_says_is_not_limited_is_allowed(
    proxy: Authorizing, places: dict[str, str], call: Call
) -> None:
    assert answer(proxy, call, places) not in NO


def test_nothing_but_the_policies_denied_the_calls(proxy: Authorizing, places: dict[str, str]) -> None:
    """The last test of this file: with a policy that allows everything, all is allowed, and damaged."""
    proxy.policy = ALLOW_ALL
    assert [call.name for call in DENIED if answer(proxy, call, places) in NO] == []
