"""Raises an alarm when a recovery to a moment is in danger.

Four things are watched: the keys of the database's container, the WAL that waits for its place in the bucket,
the room for that WAL on the volume, and the age of the physical backups.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quickdata_node.config import Config
from quickdata_node.physical import summary
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
LOG = "look at docker service logs of the database"


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


def check(run: Run, config: Config) -> None:
    """Fail with the first thing that is wrong."""
    check_keys(config.keys_file, datetime.now(UTC))
    server = find_server(run, config)
    try:
        archiving = Archiving(**json.loads(server.sql(server.maintenance, WATCH)))
        directory = server.sql(server.maintenance, "show data_directory").strip()
    except (ServerFailed, ValueError) as error:
        raise Failed("the state of archiving is unknown", "the lines above say why") from error
    check_archiving(archiving, free_bytes(server.output("df", "-Pk", directory)))
    check_ages(config, read(config), datetime.now(UTC))


def check_keys(file: Path, now: datetime) -> None:
    """Fail when the keys of the database's container are missing or no longer valid."""
    fix = "run refresh-recovery-keys.sh, and look at the log of what runs it: systemd's timer, or cron"
    try:
        expires = datetime.fromisoformat(json.loads(file.read_text(encoding="utf-8"))["Expiration"])
        expired = expires <= now
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Failed(f"the keys in {file} cannot be read, so no WAL is archived", fix) from error
    if expired:
        raise Failed(f"the keys in {file} expired at {expires:%Y-%m-%d %H:%M} UTC", fix)


def check_archiving(archiving: Archiving, free: int | None) -> None:
    """Fail when WAL waits too long, or when it fills the volume.

    Args:
        archiving: the state of the server's archiving.
        free: free bytes on the volume; None if unknown.
    """
    if not archiving.archives:
        raise Failed("the database does not archive its WAL", "deploy: that starts it with archiving")
    if free is not None and archiving.wal_bytes > free:
        what = f"WAL fills the volume: it takes {archiving.wal_bytes} bytes, and {free} are free"
        raise Failed(what, f"{LOG}, and make room; never delete files in pg_wal")
    if archiving.lag > LAG:
        what = f"archiving lags: {archiving.waiting} WAL segments wait, the first one for {archiving.lag} s"
        raise Failed(what, f"{LOG}; docs/backups.md, `Another cluster`, has a frequent reason")


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


def check_ages(config: Config, known: Summary, now: datetime) -> None:
    """Fail when the newest physical backup, or the newest full one, is too old."""
    newest, full = known.newest, known.newest_full
    limits = (
        ("physical backup", newest, timedelta(hours=int(config.max_age_hours))),
        ("full physical backup", full, OLDEST_FULL),
    )
    for which, backup, limit in limits:
        _check_age(f"the newest {which} of {config.database}", backup, limit, now)


def _check_age(which: str, backup: Listed | None, limit: timedelta, now: datetime) -> None:
    hour = timedelta(hours=1)
    if backup is None:
        raise Failed(f"{which} is missing", "run physical-backup.sh --type full")
    if now - backup.finished_at > limit:
        what = f"{which} is {(now - backup.finished_at) // hour} hours old, the limit is {limit // hour}"
        raise Failed(what, "look at the log of the backups, then run physical-backup.sh")
