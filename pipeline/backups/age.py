"""How old the newest backup may be: the rule of the node's check-backup-age.sh, for `status` and `drill`."""

from datetime import datetime, timedelta

from pipeline.backups.catalogue import Backup
from pipeline.units import duration

NIGHTLY = timedelta(hours=26)
"""The role's pg_backup_max_age_hours: cron takes a backup a night, and a night's may take a while."""
MOST_AHEAD = timedelta(minutes=15)
"""How far a backup's time may be ahead of this machine's: S3 refuses a request whose clock differs more.

Source: Amazon S3 API Reference, "Error responses", RequestTimeTooSkewed.
"""


def age_problem(newest: Backup, most: timedelta, now: datetime) -> str:
    """Return what is wrong with the newest backup's age; nothing when it is young enough.

    Args:
        newest: the newest complete backup.
        most: how old it may be.
        now: the time, in UTC.
    """
    age = now - newest.taken
    if age <= -MOST_AHEAD:
        return (
            f"the newest backup {newest.id} is of a time to come, {newest.taken}: its age is not known;"
            " set the clocks right, here and on the database node"
        )
    if age > most:
        old, limit = duration(age.total_seconds()), f"{most / timedelta(hours=1):g} h"
        return f"the newest backup {newest.id} is {old} old, more than {limit}"
    return ""
