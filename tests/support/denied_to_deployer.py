"""What whoever deploys tries in vain: calls that change or read what is not the deployment's.

Placeholders as in denied_calls.py. THEIR_… is a resource of a deployment whose suffix begins as ours does,
OUR_… one of ours, LOOSE_… one without tags; IMAGE is a machine image.
"""

from typing import Any

from tests.support.denied_calls import (
    ACCOUNT,
    ALLOW_ALL,
    EXPIRE_ALL,
    OPEN,
    SOURCE,
    STS,
    TAGS,
    TRUST_ALL,
    Call,
    ec2,
    iam,
    policy,
    s3,
)

VERSIONED = {"Status": "Enabled"}
BUCKETS = ("BUCKET", "BUCKET-tfstate")
PROTECTION = [
    s3("put_bucket_policy", Bucket="BUCKET", Policy=policy(Action="s3:*", Principal=ACCOUNT, Resource="*")),
    s3("put_bucket_versioning", Bucket="BUCKET", VersioningConfiguration={"Status": "Suspended"}),
    s3("put_bucket_lifecycle_configuration", Bucket="BUCKET", LifecycleConfiguration=EXPIRE_ALL),
    s3("delete_bucket_lifecycle", Bucket="BUCKET"),
    s3("put_public_access_block", Bucket="BUCKET", PublicAccessBlockConfiguration=OPEN),
    s3("delete_public_access_block", Bucket="BUCKET"),
    s3("delete_bucket_encryption", Bucket="BUCKET"),
    s3("delete_bucket_ownership_controls", Bucket="BUCKET"),
]
"""Denied when the statement SetUpBackupsBucket was taken away, and only then."""

OF_BUCKETS = [
    call
    for bucket in BUCKETS
    for call in (
        s3("delete_bucket", f"remove {bucket}", Bucket=bucket),
        s3("delete_bucket_policy", f"remove the policy of {bucket}", Bucket=bucket),
        s3("put_bucket_acl", f"open {bucket}", Bucket=bucket, ACL="public-read"),
        s3("list_object_versions", f"list versions of {bucket}", Bucket=bucket),
        s3("get_object", f"get elsewhere in {bucket}", Bucket=bucket, Key="elsewhere"),
        s3("put_object", f"put elsewhere in {bucket}", Bucket=bucket, Key="elsewhere", Body="x"),
        s3("delete_object", f"delete elsewhere in {bucket}", Bucket=bucket, Key="elsewhere"),
    )
]
OF_BACKUPS = [
    s3("put_object", "overwrite a dump", **SOURCE, Body="x"),
    s3("delete_object", "delete a dump", **SOURCE),
    s3("delete_object", "delete a version of a dump", **SOURCE, VersionId="VERSION"),
    s3("delete_objects", "delete dumps in one call", Bucket="BUCKET", Delete={"Objects": [{"Key": "KEY"}]}),
    s3("get_object", "get a version of a dump", **SOURCE, VersionId="VERSION"),
    s3("put_object_tagging", "tag a dump", **SOURCE, Tagging=TAGS),
    s3("copy_object", "copy over a dump", **SOURCE, CopySource="BUCKET/KEY"),
    s3(
        "delete_object",
        "delete a version of a state",
        Bucket="BUCKET-tfstate",
        Key="app/terraform.tfstate",
        VersionId="VERSION",
    ),
]
OF_OTHER_BUCKETS = [
    call
    for bucket in ("OTHER", "BUCKET-7", "BUCKET-7-tfstate")
    for call in (
        s3("list_objects_v2", f"list {bucket}", Bucket=bucket),
        s3("get_object", f"get from {bucket}", Bucket=bucket, Key="app/terraform.tfstate"),
        s3("put_object", f"put into {bucket}", Bucket=bucket, Key="app/terraform.tfstate", Body="x"),
        s3("get_bucket_policy", f"get the policy of {bucket}", Bucket=bucket),
        s3("put_bucket_versioning", f"version {bucket}", Bucket=bucket, VersioningConfiguration=VERSIONED),
        s3("delete_bucket", f"remove {bucket}", Bucket=bucket),
    )
] + [s3("create_bucket", Bucket="quickdata-new-bucket"), s3("list_buckets")]

OF_ROLES = [
    iam("update_assume_role_policy", RoleName="ROLE", PolicyDocument=TRUST_ALL),
    iam("attach_role_policy", RoleName="ROLE", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    iam("put_role_policy", RoleName="administrators", PolicyName="wider", PolicyDocument=ALLOW_ALL),
    iam("delete_role", RoleName="administrators"),
    iam("create_role", RoleName="another", AssumeRolePolicyDocument=TRUST_ALL),
    iam("create_instance_profile", InstanceProfileName="another"),
    iam("add_role_to_instance_profile", InstanceProfileName="ROLE", RoleName="administrators"),
    iam("create_policy", PolicyName="wide", PolicyDocument=ALLOW_ALL),
    iam("create_user", UserName="mallory"),
    iam("create_access_key", UserName="mallory"),
    iam("attach_user_policy", UserName="deployer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    iam("put_user_policy", UserName="deployer", PolicyName="wider", PolicyDocument=ALLOW_ALL),
    iam("list_users"),
    iam("list_roles"),
    iam("get_account_authorization_details"),
]


def tags(suffix: str, kind: str = "instance") -> list[dict[str, Any]]:
    """Return the tags that a deployment gives to what it creates."""
    named = {"Project": "quickdata", "Suffix": suffix}
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in named.items()]}]


OWN = tags("SUFFIX")[0]["Tags"]
PROFILE = {"Name": "administrators"}
PERMISSION = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def tagged(suffix: str) -> list[dict[str, Any]]:
    """Return the tags of a new node, and of the disk that comes with it."""
    return tags(suffix, "instance") + tags(suffix, "volume")


def run(name: str, **different: Any) -> Call:
    """Create a node as a deployment does, but for one thing."""
    ours = {"SubnetId": "OUR_SUBNET", "SecurityGroupIds": ["OUR_GROUP"], "KeyName": "OUR_KEY"}
    whole = {"ImageId": "IMAGE", "MinCount": 1, "MaxCount": 1, **ours, "TagSpecifications": tagged("SUFFIX")}
    return Call(name, "ec2", "run_instances", {**whole, **different})


def named(name: str, call: Call) -> Call:
    return call._replace(name=name)


OWN_NODE = run("a node of one's own")
"""Allowed: so the nodes below are denied for what is different, and for nothing else."""
OF_NODES = [
    run("a node without tags", TagSpecifications=[]),
    run("a node whose disk has no tags", TagSpecifications=tags("SUFFIX", "instance")),
    run("a node with another's tags", TagSpecifications=tagged("SUFFIX-7")),
    run("a node in another's subnet", SubnetId="THEIR_SUBNET"),
    run("a node in a subnet without tags", SubnetId="LOOSE_SUBNET"),
    run("a node with another's group", SecurityGroupIds=["THEIR_GROUP"]),
    run("a node with another's key pair", KeyName="THEIR_KEY"),
    run("a node with another role", IamInstanceProfile=PROFILE),
    ec2("terminate_instances", InstanceIds=["THEIR_NODE"]),
    named("terminate two", ec2("terminate_instances", InstanceIds=["OUR_NODE", "THEIR_NODE"])),
    named("terminate one without tags", ec2("terminate_instances", InstanceIds=["LOOSE_NODE"])),
    ec2("stop_instances", InstanceIds=["THEIR_NODE"]),
    ec2("start_instances", InstanceIds=["THEIR_NODE"]),
    ec2("modify_instance_attribute", InstanceId="THEIR_NODE", InstanceType={"Value": "t3.nano"}),
    ec2("modify_instance_metadata_options", InstanceId="OUR_NODE", HttpTokens="optional"),
    ec2("associate_iam_instance_profile", InstanceId="OUR_NODE", IamInstanceProfile=PROFILE),
    ec2("get_password_data", InstanceId="THEIR_NODE"),
    ec2("get_console_output", InstanceId="OUR_NODE"),
    ec2("create_image", InstanceId="OUR_NODE", Name="copy"),
    ec2("create_key_pair", KeyName="mallory"),
    ec2("delete_key_pair", KeyName="THEIR_KEY"),
    named(
        "a key pair of another name",
        ec2(
            "import_key_pair",
            KeyName="mallory",
            PublicKeyMaterial="x",
            TagSpecifications=tags("SUFFIX", "key-pair"),
        ),
    ),
]
OF_DISKS = [
    ec2("delete_volume", VolumeId="THEIR_DISK"),
    named("delete a disk without tags", ec2("delete_volume", VolumeId="LOOSE_DISK")),
    ec2("attach_volume", VolumeId="THEIR_DISK", InstanceId="OUR_NODE", Device="/dev/sdz"),
    ec2("detach_volume", VolumeId="THEIR_DISK"),
    ec2("modify_volume", VolumeId="THEIR_DISK", Size=99),
    ec2("create_snapshot", VolumeId="THEIR_DISK", TagSpecifications=tags("SUFFIX", "snapshot")),
    ec2("create_volume", AvailabilityZone="eu-west-3a", Size=1),
    ec2("delete_snapshot", SnapshotId="snap-0123456789abcdef0"),
    ec2(
        "modify_snapshot_attribute",
        SnapshotId="snap-0123456789abcdef0",
        Attribute="createVolumePermission",
        OperationType="add",
        UserIds=["111111111111"],
    ),
]
OF_NETWORKS = [
    ec2("create_vpc", CidrBlock="10.9.0.0/16"),
    ec2(
        "create_subnet",
        VpcId="THEIR_VPC",
        CidrBlock="10.9.1.0/24",
        TagSpecifications=tags("SUFFIX", "subnet"),
    ),
    ec2(
        "create_security_group",
        VpcId="THEIR_VPC",
        GroupName="x",
        Description="x",
        TagSpecifications=tags("SUFFIX", "security-group"),
    ),
    ec2("delete_vpc", VpcId="THEIR_VPC"),
    ec2("delete_subnet", SubnetId="THEIR_SUBNET"),
    ec2("delete_security_group", GroupId="THEIR_GROUP"),
    ec2(
        "authorize_security_group_ingress",
        GroupId="THEIR_GROUP",
        IpPermissions=[PERMISSION],
        TagSpecifications=tags("SUFFIX", "security-group-rule"),
    ),
    ec2("revoke_security_group_egress", GroupId="THEIR_GROUP", IpPermissions=[PERMISSION]),
    ec2("create_vpc_peering_connection", VpcId="OUR_VPC", PeerVpcId="THEIR_VPC"),
    ec2("create_nat_gateway", SubnetId="OUR_SUBNET", ConnectivityType="private"),
]
OF_TAGS = [
    named(f"tag {there}", ec2("create_tags", Resources=[there], Tags=OWN))
    for there in ("THEIR_VPC", "THEIR_GROUP", "THEIR_DISK", "THEIR_NODE", "LOOSE_SUBNET", "LOOSE_NODE")
] + [ec2("delete_tags", Resources=["THEIR_DISK"], Tags=[{"Key": "Suffix"}])]

DENIED = [
    *OF_BUCKETS,
    *OF_BACKUPS,
    *OF_OTHER_BUCKETS,
    *OF_ROLES,
    *STS,
    *OF_NODES,
    *OF_DISKS,
    *OF_NETWORKS,
    *OF_TAGS,
]

NOT_LIMITED = [
    *PROTECTION,
    iam("put_role_policy", RoleName="ROLE", PolicyName="wider", PolicyDocument=ALLOW_ALL),
    named("claim a disk without tags", ec2("create_tags", Resources=["LOOSE_DISK"], Tags=OWN)),
    named("claim a group without tags", ec2("create_tags", Resources=["LOOSE_GROUP"], Tags=OWN)),
    ec2("describe_instances"),
]
"""What the page says that AWS cannot limit."""
