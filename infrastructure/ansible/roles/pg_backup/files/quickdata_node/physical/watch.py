"""Raises an alarm when a recovery to a moment is in danger.

Six things are watched, each by itself: the data's volume, the keys of the database's container, the WAL that
waits for its place in the bucket, the room for that WAL on the volume, the age of the physical backups, and
the WAL that the last one found missing.
"""

import json
import shutil
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from quickdata_node.checks import Check, find_problems, require_all
from quickdata_node.config import Config
from quickdata_node.grace import NotYet
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
LOST = (
    "find out who deleted objects below postgres/pgbackrest/archive, and recover first what you need from"
    " before: physical-backup.sh --type full ends this alarm, and may remove the oldest full backup"
)
RENEWED = timedelta(minutes=35)
"""Least time that the keys must still be valid. A timer takes new ones for an hour, every 20 minutes."""
RENEW = "run refresh-recovery-keys.sh; look at what runs it: the timer quickdata-pg-backup-recovery, or cron"


@dataclass(frozen=True)
class Archiving:
    """The state of the server's archiving.

    Args:
        archives: whether the server archives its WAL at all.
        waiting: WAL segments that wait for their place in the bucket.
        lag_seconds: how long the first of them waits.
        wal_bytes: bytes of all WAL on the volume.
        free_bytes: free bytes on the volume; None if unknown.
    """

    archives: bool
    waiting: int
    lag_seconds: int
    wal_bytes: int
    free_bytes: int | None


def is_on(config: Config) -> bool:
    """Return whether this machine has physical backups, or should have them: its volume may be missing."""
    return config.pitr or config.pitr_scheduled


def checks(run: Run, config: Config) -> tuple[Check, ...]:
    """Return the checks. None of them needs that another one has ended well."""
    now = datetime.now(UTC)
    return (
        lambda: keys.require_volume(config),
        lambda: check_keys(config.keys_file, now),
        lambda: check_server(run, config),
        lambda: check_summary(run, config, read(config), now),
    )


def report(run: Run, config: Config) -> dict[str, Any]:
    """Return how archiving is, as values for the JSON line: figures, and the problems that an alarm names.

    A figure is None if physical backups are off, or if the server does not say it.
    """
    found: list[Archiving] = []

    def check_server_and_note() -> None:
        found.append(look(run, config))
        check_archiving(run, found[0])

    now = datetime.now(UTC)
    asked = (
        lambda: keys.require_volume(config),
        lambda: check_keys(config.keys_file, now),
        check_server_and_note,
    )
    found_problems = find_problems(*asked) if is_on(config) else []
    problems = [{"what": each.what, "fix": each.fix} for each in found_problems]
    figures = asdict(found[0]) if found else dict.fromkeys(field.name for field in fields(Archiving))
    return {"on": is_on(config), "heard": run.is_heard, **figures, "problems": problems}


def check_keys(file: Path, now: datetime) -> None:
    """Fail when the keys of the database's container are missing, not renewed, or no longer valid."""
    try:
        expires = datetime.fromisoformat(json.loads(file.read_text(encoding="utf-8"))["Expiration"])
        left = expires - now
    except (OSError, ValueError, TypeError, KeyError) as error:
        kind = NotYet if isinstance(error, FileNotFoundError) else Failed
        raise kind(f"the keys in {file} cannot be read, so no WAL is archived", RENEW) from error
    if left <= timedelta():
        raise Failed(f"the keys in {file} expired at {expires:%Y-%m-%d %H:%M} UTC", RENEW)
    if left < RENEWED:
        what = f"the keys in {file} were not renewed, and expire at {expires:%Y-%m-%d %H:%M} UTC"
        raise Failed(what, RENEW)


def check_server(run: Run, config: Config) -> None:
    """Fail when the server does not archive, when WAL waits too long, or when it fills the volume."""
    check_archiving(run, look(run, config))


def look(run: Run, config: Config) -> Archiving:
    """Return the state of the server's archiving.

    Raises:
        Failed: it cannot be read.
    """
    try:
        server = find_server(run, config)
        known = json.loads(server.sql(server.maintenance, WATCH))
        directory = server.sql(server.maintenance, "show data_directory").strip()
        return Archiving(**known, free_bytes=free_bytes(server.output("df", "-Pk", directory)))
    except (Failed, ServerFailed, ValueError) as error:
        fix = "look at docker service ps nocodb_db, and start the database; it needs free room"
        raise NotYet(f"the state of archiving is unknown{_room(config)}", fix) from error


def _room(config: Config) -> str:
    """Return the free room beside the data, in words; empty if the data's volume is missing."""
    try:
        return f", {shutil.disk_usage(config.pg_data).free} bytes are free" if config.pg_data else ""
    except OSError:
        return ""


def check_archiving(run: Run, archiving: Archiving) -> None:
    """Fail when the server does not archive, when WAL waits too long, or when it fills the volume."""
    require_all(
        run,
        lambda: check_archives(archiving),
        lambda: check_room(archiving),
        lambda: check_lag(archiving),
    )


def check_archives(archiving: Archiving) -> None:
    """Fail when the server does not archive at all."""
    if not archiving.archives:
        raise NotYet("the database does not archive its WAL", "deploy: that starts it with archiving")


def check_room(archiving: Archiving) -> None:
    """Fail when WAL fills the volume."""
    free = archiving.free_bytes
    if free is not None and archiving.wal_bytes > free:
        what = f"WAL fills the volume: it takes {archiving.wal_bytes} bytes, and {free} are free"
        raise Failed(what, "docs/runbook.md, `The volume fills`; never delete files in pg_wal")


def check_lag(archiving: Archiving) -> None:
    """Fail when WAL waits too long for its place in the bucket.

    A deployment makes pgBackRest's repository last: until then all WAL waits.
    """
    waiting, seconds = archiving.waiting, archiving.lag_seconds
    if seconds > LAG:
        what = f"archiving lags: {waiting} WAL segments wait, the first one for {seconds} s"
        raise NotYet(what, "docs/runbook.md, `Archiving fails`")


def read(config: Config) -> Summary:
    """Return the summary of the physical backups."""
    try:
        return summary.read_summary(Store(config.bucket).read(summary.key(config.database)), config.database)
    except StoreFailed as error:
        what = f"s3://{config.bucket} holds no readable summary of physical backups of {config.database}"
        raise NotYet(what, "run physical-backup.sh") from error
    except BadSummary as error:
        what = f"the summary of the physical backups of {config.database} {error}"
        raise Failed(what, "run physical-backup.sh, which keeps this summary and writes a new one") from None


def check_summary(run: Run, config: Config, known: Summary, now: datetime) -> None:
    """Fail when the newest physical backup, or the newest full one, is too old, or when WAL is missing."""
    newest, limit = known.newest, config.max_age
    require_all(
        run,
        lambda: _check_age(f"the newest physical backup of {config.database}", newest, limit, now),
        lambda: _check_age(
            f"the newest full physical backup of {config.database}", known.newest_full, OLDEST_FULL, now
        ),
        lambda: check_gaps(known),
    )


def check_gaps(known: Summary) -> None:
    """Fail when WAL is missing in the repository, until a full backup is taken.

    The list of all WAL takes long, so it is read once after each backup, and not here.
    """
    if gaps := known.new_gaps:
        spans = ", and ".join(map(str, gaps))
        what = f"WAL is missing in the bucket: no recovery reaches the moments {spans}"
        raise Failed(what, LOST)


def _check_age(which: str, backup: Listed | None, limit: timedelta, now: datetime) -> None:
    hour = timedelta(hours=1)
    if backup is None:
        raise NotYet(f"{which} is missing", "run physical-backup.sh --type full")
    if now - backup.finished_at > limit:
        what = f"{which} is {(now - backup.finished_at) // hour} hours old, the limit is {limit // hour}"
        raise NotYet(what, "look at the log of the backups, then run physical-backup.sh")
