"""How old the newest backup may be, for `status` and `drill`: the same rule as check-backup-age.sh."""

from datetime import datetime, timedelta

from pipeline.backups.catalogue import Backup
from pipeline.units import duration

NIGHTLY = timedelta(hours=26)
"""The role's pg_backup_max_age_hours: cron takes one backup a night, which may take some time."""
MOST_AHEAD = timedelta(minutes=15)
"""How far a backup's time may be ahead of this machine's clock: S3 refuses requests that differ by more.

Source: Amazon S3 API Reference, "Error responses", RequestTimeTooSkewed.
"""


def age_problem(newest: Backup, most: timedelta, now: datetime) -> str:
    """Return the problem with the age of the newest backup; empty if the backup is recent enough.

    Args:
        newest: the newest complete backup.
        most: how old it may be.
        now: the time, in UTC.
    """
    age = now - newest.taken
    if age <= -MOST_AHEAD:
        return (
            f"the newest backup {newest.id} has a time in the future, {newest.taken}, so its age is unknown;"
            " correct the clocks of this machine and of the database node"
        )
    if age > most:
        old, limit = duration(age.total_seconds()), f"{most / timedelta(hours=1):g} h"
        return f"the newest backup {newest.id} is {old} old, more than {limit}"
    return ""
