"""Raises an alarm when a recovery to a moment is in danger.

Five things are watched, each by itself: the data's volume, the keys of the database's container, the WAL that
waits for its place in the bucket, the room for that WAL on the volume, and the age of the physical backups.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quickdata_node.checks import Check, require_all
from quickdata_node.config import Config
from quickdata_node.physical import keys, summary
from quickdata_node.physical.summary import BadSummary, Listed, Summary
from quickdata_node.run import Failed, Run
from quickdata_node.server import ServerFailed, find_server
from quickdata_node.store import Store, StoreFailed
from quickdata_node.target import free_bytes

WATCH = Path(__file__).with_name("watch.sql").read_text(encoding="utf-8")
LAG = 120
"""Most seconds that a WAL segment may wait. The server finishes a segment every 30 seconds."""
OLDEST_FULL = timedelta(days=8)
"""Age of the newest full backup at which it is too old: one is due every week."""
RENEWED = timedelta(minutes=35)
"""Least time that the keys must still be valid. A timer takes new ones for an hour, every 20 minutes."""
RENEW = "run refresh-recovery-keys.sh; look at what runs it: the timer quickdata-pg-backup-recovery, or cron"


@dataclass(frozen=True)
class Archiving:
    """The state of the server's archiving.

    Args:
        archives: whether the server archives its WAL at all.
        waiting: WAL segments that wait for their place in the bucket.
        lag: seconds that the first of them waits.
        wal_bytes: bytes of all WAL on the volume.
    """

    archives: bool
    waiting: int
    lag: int
    wal_bytes: int


def checks(run: Run, config: Config) -> tuple[Check, ...]:
    """Return the checks. None of them needs that another one has ended well."""
    now = datetime.now(UTC)
    return (
        lambda: keys.require_volume(config),
        lambda: check_keys(config.keys_file, now),
        lambda: check_server(run, config),
        lambda: check_ages(run, config, read(config), now),
    )


def check_keys(file: Path, now: datetime) -> None:
    """Fail when the keys of the database's container are missing, not renewed, or no longer valid."""
    try:
        expires = datetime.fromisoformat(json.loads(file.read_text(encoding="utf-8"))["Expiration"])
        left = expires - now
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Failed(f"the keys in {file} cannot be read, so no WAL is archived", RENEW) from error
    if left <= timedelta():
        raise Failed(f"the keys in {file} expired at {expires:%Y-%m-%d %H:%M} UTC", RENEW)
    if left < RENEWED:
        what = f"the keys in {file} were not renewed, and expire at {expires:%Y-%m-%d %H:%M} UTC"
        raise Failed(what, RENEW)


def check_server(run: Run, config: Config) -> None:
    """Fail when the server does not archive, when WAL waits too long, or when it fills the volume."""
    try:
        server = find_server(run, config)
        archiving = Archiving(**json.loads(server.sql(server.maintenance, WATCH)))
        directory = server.sql(server.maintenance, "show data_directory").strip()
    except (Failed, ServerFailed, ValueError) as error:
        room = f", {shutil.disk_usage(config.pg_data).free} bytes are free" if config.pg_data else ""
        fix = "look at docker service ps nocodb_db, and start the database; it needs free room"
        raise Failed(f"the state of archiving is unknown{room}", fix) from error
    free = free_bytes(server.output("df", "-Pk", directory))
    require_all(
        run,
        lambda: check_archives(archiving),
        lambda: check_room(archiving, free),
        lambda: check_lag(archiving),
    )


def check_archives(archiving: Archiving) -> None:
    """Fail when the server does not archive at all."""
    if not archiving.archives:
        raise Failed("the database does not archive its WAL", "deploy: that starts it with archiving")


def check_room(archiving: Archiving, free: int | None) -> None:
    """Fail when WAL fills the volume.

    Args:
        archiving: the state of the server's archiving.
        free: free bytes on the volume; None if unknown.
    """
    if free is not None and archiving.wal_bytes > free:
        what = f"WAL fills the volume: it takes {archiving.wal_bytes} bytes, and {free} are free"
        raise Failed(what, "docs/runbook.md, `The volume fills`; never delete files in pg_wal")


def check_lag(archiving: Archiving) -> None:
    """Fail when WAL waits too long for its place in the bucket."""
    if archiving.lag > LAG:
        what = f"archiving lags: {archiving.waiting} WAL segments wait, the first one for {archiving.lag} s"
        raise Failed(what, "docs/runbook.md, `Archiving fails`")


def read(config: Config) -> Summary:
    """Return the summary of the physical backups."""
    try:
        return summary.read_summary(Store(config.bucket).read(summary.key(config.database)), config.database)
    except StoreFailed as error:
        what = f"s3://{config.bucket} holds no readable summary of physical backups of {config.database}"
        raise Failed(what, "run physical-backup.sh") from error
    except BadSummary as error:
        what = f"the summary of the physical backups of {config.database} {error}"
        raise Failed(what, "run physical-backup.sh") from None


def check_ages(run: Run, config: Config, known: Summary, now: datetime) -> None:
    """Fail when the newest physical backup, or the newest full one, is too old."""
    newest, limit = known.newest, config.max_age
    require_all(
        run,
        lambda: _check_age(f"the newest physical backup of {config.database}", newest, limit, now),
        lambda: _check_age(
            f"the newest full physical backup of {config.database}", known.newest_full, OLDEST_FULL, now
        ),
    )


def _check_age(which: str, backup: Listed | None, limit: timedelta, now: datetime) -> None:
    hour = timedelta(hours=1)
    if backup is None:
        raise Failed(f"{which} is missing", "run physical-backup.sh --type full")
    if now - backup.finished_at > limit:
        what = f"{which} is {(now - backup.finished_at) // hour} hours old, the limit is {limit // hour}"
        raise Failed(what, "look at the log of the backups, then run physical-backup.sh")
