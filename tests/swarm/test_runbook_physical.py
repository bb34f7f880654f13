"""The runbook's pages about the repository and the volume, typed as they are written. Needs Docker."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from pipeline.servers.localstack import LocalStack
from quickdata_node.physical.container import KEYS
from tests.support.archiving import DATABASE, ROLE, Archiving, archiving, storage_for_containers
from tests.support.backup_node import SCRIPTS
from tests.support.backup_runs import wait_for
from tests.support.live import NODES
from tests.support.runbook import every_command

pytestmark = [NODES, pytest.mark.timeout(600)]

REPOSITORY = "postgres/pgbackrest/"
WAITING = "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'"
SWARM = """
docker() {
  case "$*" in
    "service scale "*nocodb_db=0*) command docker stop --time 60 SERVER ;;
    "service scale "*nocodb_db=1*) command docker start SERVER ;;
    "service scale "*) ;;
    *) command docker "$@" ;;
  esac
}
"""
"""What Swarm does with the database's service: here its container is stopped and started."""
INSTALLED = "".join(
    f'{name}() {{ "{sys.executable}" -I -X utf8 "{SCRIPTS}/quickdata_node" {name} "$@"; }}\n'
    for name in ("refresh-recovery-keys.sh", "check-backup-age.sh")
)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with storage_for_containers(tmp_path_factory.mktemp("storage")) as found:
        yield found


def type_in(server: Archiving, lines: list[str], **places: str) -> str:
    """Type commands of the runbook into one shell, on the node and on the manager at once."""
    known = {
        "/srv/quickdata/postgresql": str(server.volume),
        "/srv/quickdata/kept": str(server.directory / "kept"),
        "/opt/quickdata/pgbackrest": str(server.pgbackrest),
        "/etc/quickdata/pg-backup.conf": str(server.config),
        "admin nocodb_db": f"{ROLE} {DATABASE}",
        "BUCKET": server.bucket,
        **places,
    }
    script = "\n".join(lines)
    for name, value in known.items():
        script = script.replace(name, value)
    script = SWARM.replace("SERVER", server.name) + INSTALLED + script
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(server.directory), **server.storage.environment}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# --- the repository ---


def delete_repository(server: Archiving) -> None:
    """Delete every object with the container's own keys, as an intruder does who has read them."""
    keys = json.loads((server.keys / KEYS).read_text())
    session = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=server.storage.region
    )
    s3 = session.client("s3", endpoint_url=server.storage.endpoint)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=server.bucket, Prefix=REPOSITORY)
    found = [{"Key": each["Key"]} for page in pages for each in page["Contents"]]
    assert not s3.delete_objects(Bucket=server.bucket, Delete={"Objects": found}).get("Errors")
    assert s3.list_objects_v2(Bucket=server.bucket, Prefix=REPOSITORY)["KeyCount"] == 0


def make_role(server: Archiving, name: str) -> None:
    iam = boto3.Session("test", "test", region_name=server.storage.region).client(
        "iam", endpoint_url=server.storage.endpoint
    )
    said = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{server.bucket}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [said]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=document)


def past(server: Archiving) -> str:
    """Return the server's time, when the next second has begun: objects have times in whole seconds."""
    now = server.now()
    wait_for(lambda: server.now() > now + timedelta(seconds=2))
    return f"{now + timedelta(seconds=1):%Y-%m-%d %H:%M:%S}+00"


def test_the_page_brings_a_database_back_whose_repository_was_deleted_with_the_containers_keys(
    tmp_path: Path, storage: LocalStack
) -> None:
    with archiving(tmp_path / "node", storage) as server:
        versions = {"Status": "Enabled"}
        server.s3.put_bucket_versioning(Bucket=server.bucket, VersioningConfiguration=versions)
        make_role(server, "quickdata-test-recovery")
        server.sql("create table customers as select n from generate_series(1, 100) n")
        server.backup()
        server.sql("insert into customers values (101)")
        moment = past(server)
        server.sql("drop table customers")
        server.switch()
        since = past(server)
        delete_repository(server)
        *lines, deploy = every_command("Physical backups were deleted or overwritten")
        assert deploy == "quickdata deploy"
        said = type_in(server, lines, SUFFIX="test", SINCE=since, MOMENT=moment)
        assert "full backup: " in said, "the page shows what was there"
        server.wait()
        assert server.rows() == 101
        first = server.run("physical-backup.sh", "--if-none")  # as a deployment ends
        assert (first.code, first.json["rows"]) == (0, 101), first.log
        server.sql("insert into customers values (102)")
        back = server.recover("--to-time", "latest")
        assert (back.code, back.json["rows"]) == (0, 102), back.log


# --- the volume ---


@contextmanager
def small_volume(server: Archiving, size: str) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "tmpfs", server.volume]
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", server.volume], check=True)


def fill(server: Archiving) -> int:
    """Write rows until the database is down; return the number of the row that failed."""
    for number in range(1, 1000):
        words = ("docker", "exec", server.name, "psql", "-XqAt", "-U", ROLE, "-d", DATABASE, "-c")
        row = f"insert into customers values ({number})"
        if subprocess.run([*words, row, "-c", "select pg_switch_wal()"], check=False).returncode:
            return number
    raise AssertionError("the volume never was full")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small volume")
def test_the_page_brings_a_database_back_whose_volume_is_full_of_wal(
    tmp_path: Path, storage: LocalStack
) -> None:
    server = Archiving(tmp_path / "node", storage)
    with small_volume(server, "400m"):
        server.start()
        try:
            server.sql("create table customers (n int)")
            server.sql("alter system set max_wal_size = '100MB'")  # PostgreSQL's own is more than this volume
            server.backup()
            assert server.run("backup-pg.sh").code == 0
            old = server.volume / "recovery/1a2b3c4d/data"
            old.mkdir(parents=True)
            (old / "file").write_bytes(bytes(100 << 20))
            (server.keys / KEYS).unlink()
            tried = fill(server)
            assert server.run("check-backup-age.sh").code == 1
            *room, checkpoint = every_command("The volume fills")
            type_in(server, room, ID="1a2b3c4d")
            subprocess.run(["docker", "start", server.name], check=True)  # Swarm starts it by itself
            server.wait()
            *archive, look = every_command("Archiving fails")
            type_in(server, archive)
            wait_for(lambda: server.sql(WAITING) == "0")
            assert '"problems": []' in type_in(server, [checkpoint, look])
            assert server.rows() in (tried - 1, tried), "the last row may be committed"
        finally:
            server.kill()
