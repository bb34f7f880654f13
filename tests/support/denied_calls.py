"""What the database node's role tries in vain: name, service, operation, and its arguments.

In the arguments BUCKET is the deployment's bucket, OTHER another one, KEY an object of a backup, VERSION a
version of it, ROLE the role, POLICY its policy, ACCOUNT the account. All of it is there, and the calls are
well formed: only the policy stands in the way.
"""

import json
from typing import Any, NamedTuple


class Call(NamedTuple):
    name: str
    service: str
    operation: str
    arguments: dict[str, Any]


def policy(**statement: Any) -> str:
    """Return a policy with one statement that allows."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


ACCOUNT = {"AWS": "arn:aws:iam::ACCOUNT:root"}
ALLOW_ALL = policy(Action="*", Resource="*")
TRUST_ALL = policy(Action="sts:AssumeRole", Principal={"AWS": "*"})
BUCKET_POLICY = policy(Action="s3:*", Principal=ACCOUNT, Resource="arn:aws:s3:::BUCKET/*")
ELSEWHERE = ("elsewhere", "postgres", "postgres-old/dump", "Postgres/dump", "terraform.tfstate")
SOURCE = {"Bucket": "BUCKET", "Key": "KEY"}
NOBODYS = {"Bucket": "BUCKET", "Key": "postgres/copy"}
RETENTION = {"Mode": "GOVERNANCE", "RetainUntilDate": "2030-01-01T00:00:00Z"}
EXPIRE_ALL = {
    "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
}
OPEN = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
)
TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}


def s3(operation: str, name: str = "", /, **arguments: Any) -> Call:
    return Call(name or operation, "s3", operation, arguments)


def iam(operation: str, **arguments: Any) -> Call:
    return Call(operation, "iam", operation, arguments)


def ec2(operation: str, **arguments: Any) -> Call:
    return Call(operation, "ec2", operation, arguments)


LISTS = [
    s3("list_objects_v2", "list without a prefix", Bucket="BUCKET"),
    s3("list_objects_v2", "list with an empty prefix", Bucket="BUCKET", Prefix=""),
    s3("list_objects_v2", "list folders only", Bucket="BUCKET", Delimiter="/"),
    *(s3("list_objects_v2", f"list {prefix}", Bucket="BUCKET", Prefix=prefix) for prefix in ELSEWHERE),
    s3("list_objects", "list by the older call", Bucket="BUCKET"),
    s3("head_bucket", Bucket="BUCKET"),
    s3("list_object_versions", "list versions", Bucket="BUCKET", Prefix="postgres/"),
    s3("list_multipart_uploads", Bucket="BUCKET", Prefix="postgres/"),
    s3("list_buckets"),
]

OBJECTS_ELSEWHERE = [
    call
    for key in ELSEWHERE
    for call in (
        s3("get_object", f"get {key}", Bucket="BUCKET", Key=key),
        s3("head_object", f"head {key}", Bucket="BUCKET", Key=key),
        s3("put_object", f"put {key}", Bucket="BUCKET", Key=key, Body="x"),
        s3("delete_object", f"delete {key}", Bucket="BUCKET", Key=key),
        s3("create_multipart_upload", f"upload {key} in parts", Bucket="BUCKET", Key=key),
    )
] + [
    s3(
        "delete_objects",
        "delete in one call",
        Bucket="BUCKET",
        Delete={"Objects": [{"Key": "postgres/none"}, {"Key": "elsewhere"}]},
    ),
    s3("copy_object", "copy from elsewhere", **NOBODYS, CopySource="BUCKET/elsewhere"),
    s3("copy_object", "copy from another bucket", **NOBODYS, CopySource="OTHER/postgres/dump"),
    s3("copy_object", "copy to elsewhere", Bucket="BUCKET", Key="elsewhere", CopySource="BUCKET/KEY"),
    s3("copy_object", "copy to another bucket", Bucket="OTHER", Key="postgres/x", CopySource="BUCKET/KEY"),
    s3("copy_object", "copy an old version", **NOBODYS, CopySource="BUCKET/KEY?versionId=VERSION"),
]

VERSIONS = [
    s3("get_object", "get a version", **SOURCE, VersionId="VERSION"),
    s3("head_object", "head a version", **SOURCE, VersionId="VERSION"),
    s3("delete_object", "delete a version", **SOURCE, VersionId="VERSION"),
    s3(
        "delete_objects",
        "delete versions in one call",
        Bucket="BUCKET",
        Delete={"Objects": [{"Key": "postgres/none"}, {"Key": "KEY", "VersionId": "VERSION"}]},
    ),
]

PROPERTIES_OF_OBJECTS = [
    s3("get_object_acl", **SOURCE),
    s3("put_object_acl", **SOURCE, ACL="public-read"),
    s3("get_object_tagging", **SOURCE),
    s3("put_object_tagging", **SOURCE, Tagging=TAGS),
    s3("delete_object_tagging", **SOURCE),
    s3("get_object_attributes", **SOURCE, ObjectAttributes=["ObjectSize"]),
    s3("get_object_retention", **SOURCE),
    s3("put_object_retention", **SOURCE, Retention=RETENTION),
    s3("delete_object", "delete past a retention", **SOURCE, BypassGovernanceRetention=True),
    s3("get_object_legal_hold", **SOURCE),
    s3("put_object_legal_hold", **SOURCE, LegalHold={"Status": "OFF"}),
    s3("restore_object", **SOURCE, RestoreRequest={"Days": 1}),
    s3("list_parts", **SOURCE, UploadId="none"),
]

READ_OF_BUCKETS = [
    s3("get_bucket_accelerate_configuration", Bucket="BUCKET"),
    s3("get_bucket_acl", Bucket="BUCKET"),
    s3("get_bucket_cors", Bucket="BUCKET"),
    s3("get_bucket_encryption", Bucket="BUCKET"),
    s3("get_bucket_lifecycle_configuration", Bucket="BUCKET"),
    s3("get_bucket_location", Bucket="BUCKET"),
    s3("get_bucket_logging", Bucket="BUCKET"),
    s3("get_bucket_notification_configuration", Bucket="BUCKET"),
    s3("get_bucket_ownership_controls", Bucket="BUCKET"),
    s3("get_bucket_policy", Bucket="BUCKET"),
    s3("get_bucket_policy_status", Bucket="BUCKET"),
    s3("get_bucket_replication", Bucket="BUCKET"),
    s3("get_bucket_request_payment", Bucket="BUCKET"),
    s3("get_bucket_tagging", Bucket="BUCKET"),
    s3("get_bucket_versioning", Bucket="BUCKET"),
    s3("get_bucket_website", Bucket="BUCKET"),
    s3("get_object_lock_configuration", Bucket="BUCKET"),
    s3("get_public_access_block", Bucket="BUCKET"),
]

CHANGES_OF_BUCKETS = [
    s3("create_bucket", Bucket="quickdata-new-bucket"),
    s3("delete_bucket", Bucket="BUCKET"),
    s3("put_bucket_policy", Bucket="BUCKET", Policy=BUCKET_POLICY),
    s3("delete_bucket_policy", Bucket="BUCKET"),
    s3("put_bucket_acl", Bucket="BUCKET", ACL="private"),
    s3("put_bucket_versioning", Bucket="BUCKET", VersioningConfiguration={"Status": "Suspended"}),
    s3("put_bucket_lifecycle_configuration", Bucket="BUCKET", LifecycleConfiguration=EXPIRE_ALL),
    s3("delete_bucket_lifecycle", Bucket="BUCKET"),
    s3("put_public_access_block", Bucket="BUCKET", PublicAccessBlockConfiguration=OPEN),
    s3("delete_public_access_block", Bucket="BUCKET"),
    s3("delete_bucket_encryption", Bucket="BUCKET"),
    s3("delete_bucket_ownership_controls", Bucket="BUCKET"),
    s3("delete_bucket_replication", Bucket="BUCKET"),
    s3("put_bucket_tagging", Bucket="BUCKET", Tagging=TAGS),
    s3("delete_bucket_tagging", Bucket="BUCKET"),
    s3("delete_bucket_cors", Bucket="BUCKET"),
    s3("delete_bucket_website", Bucket="BUCKET"),
    s3("put_bucket_notification_configuration", Bucket="BUCKET", NotificationConfiguration={}),
    s3("put_bucket_request_payment", Bucket="BUCKET", RequestPaymentConfiguration={"Payer": "Requester"}),
    s3(
        "put_object_lock_configuration",
        Bucket="BUCKET",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"},
    ),
]

OTHER_BUCKETS = [
    s3("list_objects_v2", "another bucket: list", Bucket="OTHER", Prefix="postgres/"),
    s3("get_object", "another bucket: get", Bucket="OTHER", Key="postgres/dump"),
    s3("put_object", "another bucket: put", Bucket="OTHER", Key="postgres/dump", Body="x"),
    s3("delete_object", "another bucket: delete", Bucket="OTHER", Key="postgres/dump"),
    s3("delete_bucket", "another bucket: remove it", Bucket="OTHER"),
    s3("list_objects_v2", "a bucket with a longer name", Bucket="BUCKET-tfstate", Prefix="postgres/"),
    s3(
        "get_object", "an object in a bucket with a longer name", Bucket="BUCKET-tfstate", Key="postgres/dump"
    ),
]

IAM = [
    iam("get_role", RoleName="ROLE"),
    iam("list_role_policies", RoleName="ROLE"),
    iam("get_role_policy", RoleName="ROLE", PolicyName="POLICY"),
    iam("put_role_policy", RoleName="ROLE", PolicyName="wider", PolicyDocument=ALLOW_ALL),
    iam("delete_role_policy", RoleName="ROLE", PolicyName="none"),
    iam("attach_role_policy", RoleName="ROLE", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    iam("delete_role_permissions_boundary", RoleName="ROLE"),
    iam("update_assume_role_policy", RoleName="ROLE", PolicyDocument=TRUST_ALL),
    iam("create_role", RoleName="another", AssumeRolePolicyDocument=TRUST_ALL),
    iam("delete_role", RoleName="ROLE"),
    iam("create_policy", PolicyName="wide", PolicyDocument=ALLOW_ALL),
    iam("add_role_to_instance_profile", InstanceProfileName="ROLE", RoleName="ROLE"),
    iam("create_user", UserName="mallory"),
    iam("create_access_key", UserName="mallory"),
    iam("list_users"),
    iam("list_roles"),
    iam("get_account_authorization_details"),
]

STS = [
    Call(
        "assume its own role",
        "sts",
        "assume_role",
        {"RoleArn": "arn:aws:iam::ACCOUNT:role/ROLE", "RoleSessionName": "mallory"},
    ),
    Call(
        "assume another role",
        "sts",
        "assume_role",
        {"RoleArn": "arn:aws:iam::ACCOUNT:role/administrators", "RoleSessionName": "mallory"},
    ),
    Call("get_federation_token", "sts", "get_federation_token", {"Name": "mallory", "Policy": ALLOW_ALL}),
]

INSTANCE = "i-0123456789abcdef0"
EC2 = [
    ec2("describe_instances"),
    ec2("describe_volumes"),
    ec2("describe_snapshots", OwnerIds=["self"]),
    ec2("run_instances", ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1),
    ec2("stop_instances", InstanceIds=[INSTANCE]),
    ec2("terminate_instances", InstanceIds=[INSTANCE]),
    ec2("modify_instance_attribute", InstanceId=INSTANCE, DisableApiTermination={"Value": False}),
    ec2("create_snapshot", VolumeId="vol-0123456789abcdef0"),
    ec2("delete_volume", VolumeId="vol-0123456789abcdef0"),
    ec2("associate_iam_instance_profile", InstanceId=INSTANCE, IamInstanceProfile={"Name": "administrators"}),
    ec2("authorize_security_group_ingress", GroupId="sg-0123456789abcdef0", CidrIp="0.0.0.0/0"),
    ec2("create_key_pair", KeyName="mallory"),
]

DENIED = [
    *LISTS,
    *OBJECTS_ELSEWHERE,
    *VERSIONS,
    *PROPERTIES_OF_OBJECTS,
    *READ_OF_BUCKETS,
    *CHANGES_OF_BUCKETS,
    *OTHER_BUCKETS,
    *IAM,
    *STS,
    *EC2,
]

OF_OTHERS = (
    "KEY",
    "postgres/app/points/quickdata_20260101T000000Z_0123abcd.json",
    "postgres/app/physical.json",
)
"""Keys below postgres/ that the database's container does not reach: of a backup, a point, a summary."""
DENIED_TO_CONTAINER = [
    *DENIED,
    s3("list_objects_v2", "list the logical backups", Bucket="BUCKET", Prefix="postgres/app/"),
    s3("list_objects_v2", "list all backups", Bucket="BUCKET", Prefix="postgres/"),
    *(
        call
        for key in OF_OTHERS
        for call in (
            s3("get_object", f"get {key}", Bucket="BUCKET", Key=key),
            s3("head_object", f"head {key}", Bucket="BUCKET", Key=key),
            s3("put_object", f"put {key}", Bucket="BUCKET", Key=key, Body="x"),
            s3("delete_object", f"delete {key}", Bucket="BUCKET", Key=key),
            s3("create_multipart_upload", f"upload {key} in parts", Bucket="BUCKET", Key=key),
        )
    ),
    s3("delete_object", "delete a version of the repository", Bucket="BUCKET", Key="WAL", VersionId="OLD"),
    s3("get_object", "get a version of the repository", Bucket="BUCKET", Key="WAL", VersionId="OLD"),
    s3(
        "list_object_versions",
        "list versions of the repository",
        Bucket="BUCKET",
        Prefix="postgres/pgbackrest/",
    ),
    Call(
        "take the recovery role", "sts", "assume_role", {"RoleArn": "RECOVERY", "RoleSessionName": "mallory"}
    ),
]
