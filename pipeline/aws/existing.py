"""Find the resources of a deployment in AWS, without the states: identifiers for `import`, by address."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws.account import BUCKET, Cloud

Resource = Mapping[str, Any]

ABSENT = ("NoSuch", "ServerSideEncryptionConfigurationNotFound", "OwnershipControlsNotFound")
"""The beginnings of the error codes that S3 and IAM give for something that does not exist."""
ALIVE = ["pending", "running", "stopping", "stopped"]
"""Instances in any other state no longer exist: Amazon EC2 User Guide, "Instance lifecycle"."""
STOPPED = ["stopping", "stopped"]
PRESENT = ["creating", "available", "in-use"]
"""The same for volumes."""

IN_BUCKET: Mapping[str, tuple[str, str]] = {
    "aws_s3_bucket_public_access_block": ("get_public_access_block", "PublicAccessBlockConfiguration"),
    "aws_s3_bucket_ownership_controls": ("get_bucket_ownership_controls", "OwnershipControls"),
    "aws_s3_bucket_versioning": ("get_bucket_versioning", "Status"),
    "aws_s3_bucket_server_side_encryption_configuration": (
        "get_bucket_encryption",
        "ServerSideEncryptionConfiguration",
    ),
    "aws_s3_bucket_policy": ("get_bucket_policy", "Policy"),
    "aws_s3_bucket_lifecycle_configuration": ("get_bucket_lifecycle_configuration", "Rules"),
}
"""The resources inside a bucket: the call that finds each, and the key that its answer must have."""

TAGGED: tuple[tuple[str, str, str, str, str], ...] = (
    ("aws_vpc.main", "describe_vpcs", "Vpcs", "VpcId", ""),
    ("aws_subnet.public", "describe_subnets", "Subnets", "SubnetId", "-public"),
    ("aws_internet_gateway.main", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", ""),
    ("aws_route_table.public", "describe_route_tables", "RouteTables", "RouteTableId", "-public"),
    ("aws_default_security_group.main", "describe_security_groups", "SecurityGroups", "GroupId", "-default"),
    ("aws_security_group.node", "describe_security_groups", "SecurityGroups", "GroupId", "-node"),
    ("aws_security_group.web", "describe_security_groups", "SecurityGroups", "GroupId", "-web"),
    ("aws_eip.manager[0]", "describe_addresses", "Addresses", "AllocationId", "-manager"),
    ("aws_ebs_volume.postgres", "describe_volumes", "Volumes", "VolumeId", "-postgres"),
)
"""Address, call, list in its answer, identifier, and what the tag Name has after the deployment's name."""


async def find_storage(cloud: Cloud, bucket: str) -> dict[str, str]:
    """Return the existing resources of the storage stack.

    Args:
        cloud: the account.
        bucket: the bucket's name.

    Returns:
        Identifiers by address; empty if the account has no such bucket.

    Raises:
        PipelineError: AWS refuses, does not answer, or the bucket belongs to another account.
    """
    if not await cloud.owns(bucket):
        return {}
    return dict.fromkeys([BUCKET, *await cloud.ask(partial(_find_in_bucket, cloud), bucket)], bucket)


async def find_app(cloud: Cloud, suffix: str) -> dict[str, str]:
    """Return the existing resources of the app stack.

    Args:
        cloud: the account.
        suffix: the deployment's suffix.

    Returns:
        Identifiers by address. Several identifiers for one address are joined by " and ": the operator has to
        choose.

    Raises:
        PipelineError: AWS refuses, or does not answer.
    """
    existing: dict[str, str] = {}
    for address, identifier in await cloud.ask(partial(_find_app, cloud), suffix):
        existing[address] = f"{existing[address]} and {identifier}" if address in existing else identifier
    return existing


def _find_in_bucket(cloud: Cloud, bucket: str) -> list[str]:
    s3 = cloud.client("s3")
    answers = {kind: _ask(getattr(s3, call), Bucket=bucket) for kind, (call, _) in IN_BUCKET.items()}
    return [f"{kind}.backups" for kind, (_, part) in IN_BUCKET.items() if answers[kind].get(part)]


def _ask(call: Callable[..., Any], **arguments: str) -> Any:
    """Return an answer; an empty one if the resource does not exist."""
    try:
        return call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"].startswith(ABSENT):
            return {}
        raise


def _find_app(cloud: Cloud, suffix: str) -> list[tuple[str, str]]:
    ec2, name = cloud.client("ec2"), f"quickdata-{suffix}"
    return [
        *_find_tagged(ec2, suffix, name),
        *find_nodes(ec2, suffix, name, ALIVE),
        *_find_named(cloud, ec2, name),
    ]


def _find_tagged(ec2: Any, suffix: str, name: str) -> Iterator[tuple[str, str]]:
    for address, call, listed, identifier, ending in TAGGED:
        status = {"status": PRESENT} if listed == "Volumes" else {}
        for each in _pages(ec2, call, listed, _filters(suffix, Name=name + ending, **status)):
            yield address, each[identifier]
            if listed == "RouteTables":
                yield from _associations(each)
            if listed == "SecurityGroups":
                yield from _rules(ec2, address, each["GroupId"])
            if listed == "Volumes":
                yield from _attachments(each)


def _filters(suffix: str, **others: Any) -> list[dict[str, Any]]:
    """Return EC2's filters for this deployment's tags; `Name` is a tag too."""
    tags = {"Project": "quickdata", "Stack": "app", "Suffix": suffix}
    if "Name" in others:
        tags["Name"] = others.pop("Name")
    filters = {f"tag:{key}": [value] for key, value in tags.items()} | others
    return [{"Name": key, "Values": values} for key, values in filters.items()]


def _pages(ec2: Any, call: str, listed: str, filters: list[dict[str, Any]]) -> Iterator[Resource]:
    if not ec2.can_paginate(call):  # addresses come in one answer
        yield from getattr(ec2, call)(Filters=filters)[listed]
        return
    for page in ec2.get_paginator(call).paginate(Filters=filters):
        yield from page[listed]


def _associations(table: Resource) -> Iterator[tuple[str, str]]:
    for each in table["Associations"]:
        if each.get("SubnetId"):
            yield "aws_route_table_association.public", f"{each['SubnetId']}/{table['RouteTableId']}"


def _attachments(volume: Resource) -> Iterator[tuple[str, str]]:
    for each in volume["Attachments"]:
        identifier = f"{each['Device']}:{volume['VolumeId']}:{each['InstanceId']}"
        yield "aws_volume_attachment.postgres", identifier


def _rules(ec2: Any, group: str, group_id: str) -> Iterator[tuple[str, str]]:
    filters = [{"Name": "group-id", "Values": [group_id]}]
    for rule in _pages(ec2, "describe_security_group_rules", "SecurityGroupRules", filters):
        yield _rule(rule, group), rule["SecurityGroupRuleId"]


def _rule(rule: Resource, group: str) -> str:
    if rule["IsEgress"]:
        return f"aws_vpc_security_group_egress_rule.{group.split('.')[1]}"
    if group.endswith(".web"):
        return f'aws_vpc_security_group_ingress_rule.web["{rule["FromPort"]}"]'
    if rule.get("ReferencedGroupInfo"):
        return f'aws_vpc_security_group_ingress_rule.swarm["{rule["IpProtocol"]} {rule["FromPort"]}"]'
    return "aws_vpc_security_group_ingress_rule.ssh[0]"


def find_nodes(ec2: Any, suffix: str, name: str, states: list[str]) -> Iterator[tuple[str, str]]:
    """Yield a deployment's instances: address and identifier.

    Args:
        ec2: boto3's client for EC2.
        suffix: the deployment's suffix.
        name: the deployment's name; the names of its nodes begin with it.
        states: the instance states to include.
    """
    filters = _filters(suffix, **{"instance-state-name": states})
    for reservation in _pages(ec2, "describe_instances", "Reservations", filters):
        for each in reservation["Instances"]:
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            node = tags.get("Name", "").removeprefix(f"{name}-")
            yield f'aws_instance.node["{node}"]', each["InstanceId"]


def _find_named(cloud: Cloud, ec2: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield resources that are found by name alone: their names are unique in an account."""
    iam, role = cloud.client("iam"), f"{name}-database"
    if _ask(iam.get_role, RoleName=role):
        yield "aws_iam_role.database", role
        yield from _find_policies(iam, role, backups=f"{name}-backups", take_recovery=f"{name}-take-recovery")
    if _ask(iam.get_role, RoleName=f"{name}-recovery"):
        yield "aws_iam_role.recovery", f"{name}-recovery"
        yield from _find_policies(iam, f"{name}-recovery", recovery=f"{name}-recovery")
    if _ask(iam.get_instance_profile, InstanceProfileName=role):
        yield "aws_iam_instance_profile.database", role
    if ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}])["KeyPairs"]:
        yield "aws_key_pair.admin", name


def _find_policies(iam: Any, role: str, **policies: str) -> Iterator[tuple[str, str]]:
    """Yield a role's own policies: address and identifier. Each argument is a resource's name."""
    for resource, policy in policies.items():
        if _ask(iam.get_role_policy, RoleName=role, PolicyName=policy):
            yield f"aws_iam_role_policy.{resource}", f"{role}:{policy}"
