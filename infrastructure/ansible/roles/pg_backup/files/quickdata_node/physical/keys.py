"""Gives the database's container its temporary keys: they reach the physical backups, and nothing else.

A timer runs this every 20 minutes, and the keys are valid for an hour. So two runs may fail. The file is on
a file system in memory, in a folder that only root can enter; the container sees this folder alone.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from quickdata_node.config import Config, load
from quickdata_node.options import parse
from quickdata_node.run import Failed, Run

SECONDS = 3600
"""How long the keys are valid: the most that AWS gives to a role that takes another role.

Source: IAM User Guide, "Methods to assume a role", role chaining.
"""
USAGE = """\
Usage: refresh-recovery-keys.sh --config FILE

Writes new temporary keys for pgBackRest in the database's container. Prints nothing.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments.
"""


def main(run: Run, arguments: Sequence[str]) -> None:
    """Replace the keys."""
    config = load(run, Path(parse(arguments, USAGE).config))
    if not config.pitr_scheduled:  # the keys do not depend on the data's volume
        require_on(config)
    refresh(config)


def require_on(config: Config) -> None:
    """Refuse a run on a node without physical backups, or without the data's volume."""
    require_volume(config)
    if not config.pitr:
        what = "physical backups are off on this node"
        raise Failed(what, "set quickdata_pitr: true in group_vars/all/main.yml, and deploy", 2)


def require_volume(config: Config) -> None:
    """Refuse a run on a node that schedules physical backups, but lacks the data's volume with their mark.

    Raises:
        Failed: the mark is missing.
    """
    if config.pitr_scheduled and not config.pitr:
        what = "physical backups are scheduled, but the data's volume is not mounted, or lacks the file pitr"
        raise Failed(what, "look at findmnt and lsblk, mount the volume and deploy")


def refresh(config: Config) -> None:
    """Replace the keys."""
    if not config.recovery_role:
        fix = "deploy: the app's output recovery_role_arn names it"
        raise Failed(f"configuration {config.file}: RECOVERY_ROLE is missing", fix, 2)
    write(config.keys_file, take_keys(config.recovery_role))


def take_keys(role: str) -> dict[str, Any]:
    """Return temporary keys of a role, in the form that pgBackRest reads.

    Args:
        role: the role's ARN.
    """
    retries: Any = {"mode": os.environ["AWS_RETRY_MODE"], "total_max_attempts": 5}
    try:
        client = boto3.client(
            "sts", config=ClientConfig(connect_timeout=10, read_timeout=30, retries=retries)
        )
        found = client.assume_role(RoleArn=role, RoleSessionName="database", DurationSeconds=SECONDS)
    except (BotoCoreError, ClientError) as error:
        fix = "check the network and the role of this machine; WAL waits on the volume meanwhile"
        raise Failed(f"the role {role} cannot be taken", fix) from error
    keys = found["Credentials"]
    return {
        "Version": 1,
        **{name: keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")},
        "Expiration": f"{keys['Expiration']:%Y-%m-%dT%H:%M:%SZ}",
    }


def write(file: Path, keys: dict[str, Any]) -> None:
    """Write the keys at once: pgBackRest reads the old ones or the new ones."""
    try:
        number, name = tempfile.mkstemp(dir=file.parent, prefix=".keys.")
        with open(number, "w", encoding="utf-8") as new:  # noqa: PTH123 - a descriptor, and not a path
            json.dump(keys, new)
        Path(name).chmod(0o644)  # for the container's user; on the node the folder above is closed
        Path(name).replace(file)
    except OSError as error:
        raise Failed(
            f"the keys cannot be written to {file}", "run nocodb.yml, which makes its folder"
        ) from error
