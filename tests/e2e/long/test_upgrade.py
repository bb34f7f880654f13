"""A node of an earlier version, whose backups bash took, is deployed again and restores one of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.deployment import DATABASE
from pipeline.machine.repository import REPOSITORY
from pipeline.servers.localstack import LocalStack
from tests.support.clouds import cloud_of
from tests.support.deployer import empty_database, variables, vault
from tests.support.emulated import checkout

pytestmark = pytest.mark.timeout(1500)

SUFFIX = "upgraded"
FORMAT_1 = REPOSITORY / "tests/support/format_1"
MADE = ("20261129T141340Z", "app_of_bash")
"""When bash made that backup, and of which database: both stand in its manifest."""
NAMES = ("common", "marks", "fingerprints", "retention", "objects", "swap")
SCRIPTS = tuple(f"usr/local/sbin/pg-{name}.sh" for name in NAMES)
COMMANDS = tuple(f"usr/local/sbin/{name}" for name in ("backup-pg.sh", "restore-pg-latest.sh"))
AWSCLI = ("opt/quickdata/aws", "opt/quickdata/awscli/bin/aws")
BASH = "#!/bin/bash\nexit 9\n"


def turn_back(node: Path) -> None:
    """Leave on the node what an earlier version had: bash, awscli, no program in Python."""
    for folder in (node / "opt/quickdata").glob("p*"):  # the program, and its Python
        folder.rename(folder.with_name(f".{folder.name}"))
    for name in (*SCRIPTS, *COMMANDS, *AWSCLI):
        (node / name).parent.mkdir(parents=True, exist_ok=True)
        (node / name).write_text(BASH)
    with (node / "etc/quickdata/pg-backup.conf").open("a") as configuration:
        configuration.write(f"AWS_CLI='{node / AWSCLI[0]}'\n")


def plant(aws: LocalStack) -> None:
    """Lay yesterday's backup of format 1 into the bucket, as one of this database."""
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y%m%dT%H%M%SZ}"
    s3 = cloud_of(aws).client("s3")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].endswith(SUFFIX)]
    for file in sorted(FORMAT_1.iterdir()):
        content = file.read_bytes()
        if file.suffix == ".json":
            for old, new in zip(MADE, (yesterday, DATABASE), strict=True):
                content = content.replace(old.encode(), new.encode())
        key = f"postgres/{DATABASE}/{yesterday}-ff9d60f3/{file.name}"
        s3.put_object(Bucket=bucket, Key=key, Body=content)


def test_a_node_of_bash_scripts_is_upgraded_and_restores_a_backup_that_they_took(
    localstack: LocalStack, tmp_path: Path
) -> None:
    kept = vault()
    deployed = checkout(tmp_path / "deployer", variables(SUFFIX), kept)
    node = deployed.root / "nodes/database"
    with empty_database(tmp_path / "server", deployed, localstack, kept["vault_db_password"]) as server:
        deployed.run("deploy")
        turn_back(node)
        plant(localstack)
        deployed.run("deploy")
        assert [name for name in (*SCRIPTS, *AWSCLI) if (node / name).exists()] == []
        assert [name for name in COMMANDS if (node / name).read_text() == BASH] == []
        deployed.run("restore", "--id", "ff9d60f3", "--yes")
        assert server.psql("select count(*) from public.parts", DATABASE) == "400"
    uploads = node / "srv/quickdata/nocodb"
    assert (uploads / "nc/photo ü.jpg").read_bytes() == b"\xff\xd8 pixels"
