"""The configuration of a run. All problems are reported before anything is done."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quickdata_node import notifications
from quickdata_node.config_file import read_values, require_private
from quickdata_node.physical.container import CONFIG_ON_NODE, DATABASE, KEYS, KEYS_ON_NODE
from quickdata_node.run import Failed, Run

CALLERS = re.compile(r"(AWS_|BOTO|PG|DRILL_|HELD_).*|BACKUP_BUCKET|BUCKET")
"""Variables that a caller may not set. They could lead to another bucket or server, or to figures that were
not measured. Variables with HELD_ carry a secret into the configuration, and no further."""
NEEDED = ("DATABASE", "BACKUP_BUCKET", "AWS_REGION", "STATE_DIR", "LOCK_FILE")
LONGEST = 46
"""Most bytes of a database's name: DATABASE_restore_ID and DATABASE_before_ID must fit into the 63 bytes of
PostgreSQL's names."""
PATIENCE = {
    "AWS_RETRY_MODE": "standard",  # the legacy mode does not retry after a 408
    "AWS_MAX_ATTEMPTS": "5",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5",  # by default boto3 asks once
    "AWS_METADATA_SERVICE_TIMEOUT": "5",
}
NOBODYS = dict.fromkeys(("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG"), os.devnull)
"""Keys come from the configuration or from the instance's role, not from the caller's files. BOTO_CONFIG
stands for ~/.boto, which boto3 reads too."""


@dataclass(frozen=True)
class Drill:
    """The facts of a drill.

    Args:
        started: time of its start, in seconds since 1970.
        rpo: age of the snapshot at that time, in seconds.
    """

    started: float
    rpo: float


@dataclass(frozen=True)
class Config:
    """The content of the file. PostgreSQL's programs and boto3 get PG* and AWS_* from the environment.

    Args:
        file: path of the file.
        database: the database to back up or restore.
        bucket: the bucket of the backups.
        state_dir: directory for the files of a run.
        lock_file: path of the lock.
        keep_daily: number of days to keep a backup of.
        keep_weekly: number of weeks to keep a backup of.
        max_age_hours: maximum age of the newest backup in hours, as the file's text.
        pg_service: the Swarm service whose container runs PostgreSQL; empty for a server reached by TCP.
        attachments: folder of NocoDB's uploads; None without one.
        drill: the facts of a drill; None in other runs.
        pg_container: name of the container that runs the server of a drill.
        pitr: whether the server archives its WAL, for a recovery to any moment.
        pitr_scheduled: whether this machine schedules physical backups; then `pitr` must be true.
        set_up_at: when this machine was set up for backups, in UTC; None if nobody knows.
        archives_since: when it was set up for physical backups of this data; None if nobody knows.
        recovery_role: ARN of the role that the database's container gets keys of; empty if no one has it.
        keys_file: file with these keys, on this machine.
        pg_image: image of the database's container, for a recovery.
        pg_data: the database's volume on this machine; None where no recovery is possible.
        archive_config: folder of pgBackRest's configuration, on this machine.
    """

    file: Path
    database: str
    bucket: str
    state_dir: Path
    lock_file: Path
    keep_daily: int
    keep_weekly: int
    max_age_hours: str
    pg_service: str
    attachments: Path | None
    drill: Drill | None
    pg_container: str = ""
    pitr: bool = False
    pitr_scheduled: bool = False
    set_up_at: datetime | None = None
    archives_since: datetime | None = None
    recovery_role: str = ""
    keys_file: Path = Path(KEYS_ON_NODE, KEYS)
    pg_image: str = ""
    pg_data: Path | None = None
    archive_config: Path = Path(CONFIG_ON_NODE)

    @property
    def max_age(self) -> timedelta:
        """Maximum age of the newest backup.

        Raises:
            Failed: the configuration does not give a number of hours.
        """
        if not re.fullmatch(r"[1-9][0-9]{0,4}", self.max_age_hours):
            what = f"configuration {self.file}: MAX_AGE_HOURS is not a number of hours"
            raise Failed(what, "run backup.yml", 2)
        return timedelta(hours=int(self.max_age_hours))

    @property
    def physical_dir(self) -> Path:
        """Directory for the lock and the files of a physical run. It runs beside a logical one."""
        return self.state_dir / "physical"


def load(run: Run, file: Path) -> Config:
    """Read the file, and set its values in the environment. The caller's values do not count."""
    require_private(file)
    values = read_values(file)
    for name in [each for each in os.environ if CALLERS.fullmatch(each)]:
        del os.environ[name]
    values["BACKUP_BUCKET"] = values.get("BACKUP_BUCKET") or values.get("BUCKET", "")  # BUCKET: the old name
    run.on_failure = values.get("ON_FAILURE", "")
    run.notifications = notifications.read(run.program, values)
    problems = list(find_problems(values))
    if problems:
        raise Failed(f"configuration {file}: {', '.join(problems)}, nothing was done", "correct the file", 2)
    os.environ.update({**PATIENCE, **NOBODYS, **_open(values), "AWS_DEFAULT_REGION": values["AWS_REGION"]})
    _put_clients_first(values)
    return _config(file, values)


def find_problems(values: Mapping[str, str]) -> Iterator[str]:
    """Yield every problem of the values, so that one message reports all of them."""
    database = values.get("DATABASE", "")
    yield from (f"{key} is missing" for key in NEEDED if not values.get(key))
    for key in ("KEEP_DAILY", "KEEP_WEEKLY"):
        if not re.fullmatch(r"0|[1-9][0-9]{0,3}", values.get(key, "")):
            yield f"{key} is not a number"
    if values.get("KEEP_DAILY") == "0":
        yield "KEEP_DAILY is 0"
    if database in (".", "..") or re.search(r"[/\x00-\x1f\x7f]", database):
        yield "DATABASE cannot be part of an S3 key"
    if _pitr(values) and database == DATABASE:
        yield f"DATABASE is {DATABASE}, whose folder in the bucket belongs to the physical backups"
    if len(database.encode(errors="surrogateescape")) > LONGEST:
        yield f"DATABASE is longer than {LONGEST} bytes"


def _open(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values for the environment, without empty AWS_* values: boto3 would use an empty key."""
    return {
        name: value
        for name, value in values.items()
        if name not in notifications.SECRET and (value or not name.startswith("AWS_"))
    }


def _pitr(values: Mapping[str, str]) -> bool:
    """Return whether the mark exists that nocodb.yml makes on the data's volume."""
    return _exists(values, "PITR_MARK")


def _exists(values: Mapping[str, str], name: str) -> bool:
    return bool(values.get(name)) and Path(values[name]).exists()


def _newest(values: Mapping[str, str], *names: str) -> datetime | None:
    """Return when the newest of the files was written; each is written once."""
    times = (Path(values[name]).stat().st_mtime for name in names if _exists(values, name))
    return max((datetime.fromtimestamp(each, UTC) for each in times), default=None)


def _put_clients_first(values: Mapping[str, str]) -> None:
    if values.get("PG_BIN") and not values.get("PG_SERVICE"):
        os.environ["PATH"] = f"{values['PG_BIN']}:{os.environ.get('PATH', os.defpath)}"


def _config(file: Path, values: Mapping[str, str]) -> Config:
    attachments, started = values.get("ATTACHMENTS_DIR", ""), values.get("DRILL_STARTED", "")
    return Config(
        file=file,
        database=values["DATABASE"],
        bucket=values["BACKUP_BUCKET"],
        state_dir=Path(values["STATE_DIR"]),
        lock_file=Path(values["LOCK_FILE"]),
        keep_daily=int(values["KEEP_DAILY"]),
        keep_weekly=int(values["KEEP_WEEKLY"]),
        max_age_hours=values.get("MAX_AGE_HOURS", ""),
        pg_service=values.get("PG_SERVICE", ""),
        attachments=Path(attachments) if attachments else None,
        drill=Drill(float(started), float(values["DRILL_RPO"])) if started else None,
        pg_container=values.get("PG_CONTAINER", ""),
        pitr=_pitr(values),
        pitr_scheduled=_exists(values, "PITR_SCHEDULE"),
        set_up_at=_newest(values, "SET_UP"),
        archives_since=_newest(values, "SET_UP", "PITR_MARK"),
        recovery_role=values.get("RECOVERY_ROLE", ""),
        keys_file=Path(values.get("KEYS_FILE") or Path(KEYS_ON_NODE, KEYS)),
        pg_image=values.get("PG_IMAGE", ""),
        pg_data=Path(values["PG_DATA"]) if values.get("PG_DATA") else None,
        archive_config=Path(values.get("ARCHIVE_CONFIG") or CONFIG_ON_NODE),
    )
