"""Least privilege: the policy that OpenTofu renders for the database node, in an AWS that enforces it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from botocore.exceptions import ClientError

from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.servers.localstack import ACCOUNT
from pipeline.servers.postgres import Postgres
from tests.support.backup_node import Node
from tests.support.backup_runs import identifier, wait_for
from tests.support.denied_calls import ALLOW_ALL, DENIED, DENIED_TO_CONTAINER, ELSEWHERE, Call, policy
from tests.support.listening import on_loopback_alone, open_to_others
from tests.support.runbook import commands
from tests.support.vm_role import SUFFIX, Role, named, vm_role

KEY = "postgres/app/20260101T000000Z-0123abcd/dump.zst"
WAL = "postgres/pgbackrest/archive/quickdata/18-1/0000000100000000/000000010000000000000002.zst"
NO = {"AccessDenied", "UnauthorizedOperation", "403"}
"""How S3, IAM and STS say no, how EC2 does, and a HEAD, whose answer has no body."""


@pytest.fixture(scope="module")
def role() -> Iterator[Role]:
    with (
        throwaway_workspace() as directory,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(vm_role(directory)) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def places(role: Role) -> dict[str, str]:
    """What the placeholders of the calls stand for; all of it is there."""
    s3, other = role.root("s3"), "quickdata-another-bucket"
    location = {"LocationConstraint": role.aws.region}
    for bucket in (other, f"{role.bucket}-tfstate"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        s3.put_object(Bucket=bucket, Key="postgres/dump", Body=b"of another")
    for key in ELSEWHERE:
        s3.put_object(Bucket=role.bucket, Key=key, Body=b"not of a backup")
    version = s3.put_object(Bucket=role.bucket, Key=KEY, Body=b"a dump")["VersionId"]
    old = s3.put_object(Bucket=role.bucket, Key=WAL, Body=b"a segment")["VersionId"]
    _another_role(role)
    names = {"OTHER": other, "BUCKET": role.bucket, "KEY": KEY, "VERSION": version}
    names |= {"WAL": WAL, "OLD": old, "RECOVERY": role.recovery}
    return names | {"ROLE": role.name, "POLICY": role.policy, "ACCOUNT": ACCOUNT}


def _another_role(role: Role) -> None:
    """One that this account's principals may take, when their own policies say so."""
    document = policy(Action="sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    role.root("iam").create_role(RoleName="administrators", AssumeRolePolicyDocument=document)


@pytest.fixture
def node(tmp_path: Path, postgres: Postgres, role: Role) -> Iterator[Node]:
    """The node, with the role's credentials: where it says "node.s3" an administrator acts."""
    node = Node(tmp_path / "node", postgres, role.aws)
    node.bucket = role.bucket
    node.configure(**role.configuration)
    node.create()
    yield node
    for name in node.databases():
        postgres.psql(f"drop database {identifier(name)} with (force)")


def test_the_emulator_that_enforces_listens_on_the_loopback_alone(role: Role) -> None:
    assert on_loopback_alone(role.aws.endpoint)
    assert not open_to_others()


def answer(role: Role, call: Call, places: dict[str, str]) -> str:
    """Make a call; return the code of its error, or "allowed"."""
    text = json.dumps(call.arguments)
    for name, place in places.items():
        text = text.replace(name, place)
    try:
        done = getattr(role.client(call.service), call.operation)(**json.loads(text))
    except ClientError as error:
        return error.response["Error"]["Code"]
    return next((each["Code"] for each in done.get("Errors", [])), "allowed")


def test_the_role_has_two_policies_and_only_machines_of_ec2_take_it(role: Role) -> None:
    iam = role.root("iam")
    policies = {role.policy, f"quickdata-{SUFFIX}-take-recovery"}
    assert set(iam.list_role_policies(RoleName=role.name)["PolicyNames"]) == policies
    assert iam.list_attached_role_policies(RoleName=role.name)["AttachedPolicies"] == []
    trust = iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    ec2 = {"Service": "ec2.amazonaws.com"}
    assert trust == [{"Effect": "Allow", "Principal": ec2, "Action": "sts:AssumeRole"}]


def test_backup_list_verify_restore_and_prune_work(role: Role, node: Node, tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "photo").write_bytes(os.urandom(20 << 20))  # comes in parts
    expired = f"postgres/{node.database}/20240101T000000Z-0123abcd/manifest.json"
    node.write(expired, "x")
    node.configure(**role.configuration, ATTACHMENTS_DIR=str(uploads), KEEP_DAILY="1", KEEP_WEEKLY="0")
    before = node.content()
    assert node.backup().code == 0
    assert expired not in node.objects()
    verified = node.restore("--verify")
    assert (verified.code, verified.json["mismatches"]) == (0, 0)
    assert node.objects(f"postgres/{node.database}/{node.backups()[-1]}/verified.json")
    node.sql("delete from customers")
    (uploads / "photo").unlink()
    assert node.restore().code == 0
    assert node.content() == before
    assert (uploads / "photo").stat().st_size == 20 << 20


def test_an_upload_in_parts_can_be_given_up(role: Role) -> None:
    s3, where = role.client("s3"), {"Bucket": role.bucket, "Key": "postgres/app/given-up"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**where, UploadId=upload)
    assert "Uploads" not in role.root("s3").list_multipart_uploads(Bucket=role.bucket)


@pytest.mark.parametrize("call", DENIED, ids=lambda call: call.name)
def test_a_call_beyond_what_backups_need_is_denied(role: Role, places: dict[str, str], call: Call) -> None:
    assert answer(role, call, places) in NO


@pytest.fixture(scope="module")
def container(role: Role) -> Role:
    """The role whose keys the database's container gets, taken as the node takes it."""
    return replace(role, keys=named(take_keys(role)), clients={})


def take_keys(role: Role) -> dict[str, str]:
    taken = role.client("sts").assume_role(RoleArn=role.recovery, RoleSessionName="database")
    return dict(taken["Credentials"])


def test_the_containers_keys_reach_the_repository(container: Role) -> None:
    s3, where = container.client("s3"), {"Bucket": container.bucket, "Key": f"{WAL}.new"}
    s3.put_object(**where, Body=b"x")
    assert s3.get_object(**where)["Body"].read() == b"x"
    listed = s3.list_objects_v2(Bucket=container.bucket, Prefix="postgres/pgbackrest/archive/")["Contents"]
    assert where["Key"] in [each["Key"] for each in listed]
    s3.delete_objects(Bucket=container.bucket, Delete={"Objects": [{"Key": where["Key"]}]})
    upload = s3.create_multipart_upload(**where)["UploadId"]
    s3.abort_multipart_upload(**where, UploadId=upload)


@pytest.mark.parametrize("call", DENIED_TO_CONTAINER, ids=lambda call: call.name)
def test_a_call_beyond_the_repository_is_denied_to_the_container(
    container: Role, places: dict[str, str], call: Call
) -> None:
    assert answer(container, call, places) in NO


def test_only_the_database_node_takes_the_recovery_role(role: Role) -> None:
    trust = role.root("iam").get_role(RoleName=role.recovery.rpartition("/")[2])["Role"]
    node = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{role.name}"}
    statement = {"Effect": "Allow", "Principal": node, "Action": "sts:AssumeRole"}
    assert trust["AssumeRolePolicyDocument"]["Statement"] == [statement]


@pytest.mark.xfail(
    strict=True, reason="AWS asks for PutObjectTagging besides PutObject, MiniStack 1.5 does not"
)
def test_an_object_is_not_written_with_tags(role: Role) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        role.client("s3").put_object(Bucket=role.bucket, Key="postgres/app/x", Body=b"x", Tagging="a=b")


def test_an_object_is_not_written_for_everybody_to_read(role: Role) -> None:
    """On AWS for want of PutObjectAcl, here because the bucket knows no ACL."""
    with pytest.raises(ClientError, match=r"AccessControlListNotSupported|AccessDenied"):
        role.client("s3").put_object(Bucket=role.bucket, Key="postgres/app/x", Body=b"x", ACL="public-read")


@pytest.mark.parametrize("key", ["elsewhere", KEY])
def test_a_link_opens_no_more_than_the_role_that_made_it(
    role: Role, places: dict[str, str], key: str
) -> None:
    link = role.client("s3").generate_presigned_url("get_object", {"Bucket": role.bucket, "Key": key})
    assert httpx.get(link).status_code == (200 if key == KEY else 403)
    assert httpx.get(link.partition("?")[0]).status_code == 403


def test_what_the_node_deleted_and_overwrote_is_brought_back_as_the_runbook_says(
    role: Role, node: Node, tmp_path: Path
) -> None:
    assert node.backup().code == 0
    good = {key: node.read(key) for key in node.objects()}
    since = next_second()
    damage(role, node)
    assert node.restore("--verify").code != 0
    with given_back(role):
        follow(role, tmp_path, since)
        assert node.restore("--verify").code != 0  # the role may do nothing any more
    assert {key: node.read(key) for key in node.objects()} == good
    node.configure()  # somebody else's credentials
    verified = node.restore("--verify")
    assert (verified.code, verified.json["mismatches"]) == (0, 0)


def next_second() -> str:
    """Wait until nothing that was written so far bears the present second."""
    last = int(time.time())
    wait_for(lambda: int(time.time()) > last)
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def damage(role: Role, node: Node) -> None:
    """What a compromised node can do: garbage instead of objects, all deleted, twice, a backup forged."""
    s3 = role.client("s3")
    for key in node.objects("postgres/"):
        s3.put_object(Bucket=role.bucket, Key=key, Body=b"garbage")
        for _ in range(2):
            s3.delete_object(Bucket=role.bucket, Key=key)
    forged = f"postgres/{node.database}/20990101T000000Z-0123abcd/manifest.json"
    s3.put_object(Bucket=role.bucket, Key=forged, Body=b"{}")


def follow(role: Role, directory: Path, since: str) -> None:
    """Type the section of the runbook as an administrator, but for the drill; then list again."""
    export, *lines = commands("Backups were deleted or overwritten")
    *_, listing, _, drill = lines
    assert drill == "quickdata drill"
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(directory),
        **role.aws.environment,
    }
    for line in (*lines[:-1], listing):
        script = f"{export}\n{line}".replace("SUFFIX", SUFFIX).replace("BUCKET", role.bucket)
        script = script.replace("SINCE", since)
        subprocess.run(["bash", "-euc", script], cwd=directory, env=environment, check=True)
    assert json.loads((directory / "since.json").read_text()) == {"Objects": []}


@contextmanager
def given_back(role: Role) -> Iterator[None]:
    """Give the roles their policies back afterwards, as a deployment does."""
    iam, recovery = role.root("iam"), role.recovery.rpartition("/")[2]
    all_names = [{"RoleName": role.name, "PolicyName": role.policy}]
    all_names.append({"RoleName": recovery, "PolicyName": recovery})
    rendered = [json.dumps(iam.get_role_policy(**names)["PolicyDocument"]) for names in all_names]
    yield
    for names, document in zip(all_names, rendered, strict=True):
        iam.put_role_policy(**names, PolicyDocument=document)


def test_nothing_but_the_policy_denied_the_calls(role: Role, places: dict[str, str]) -> None:
    """The last test of this file: with a policy that allows everything, all is allowed, and much is damaged.

    But nobody's temporary credentials give a federation token.
    """
    iam = role.root("iam")
    iam.put_role_policy(RoleName=role.name, PolicyName="everything", PolicyDocument=ALLOW_ALL)
    denied = {call.name for call in DENIED if answer(role, call, places) in NO}
    assert denied == {"get_federation_token"}
