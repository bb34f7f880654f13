"""The verb `drill`."""

from datetime import timedelta
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import drill as drills
from pipeline.deployment import DATABASE
from pipeline.verbs.call import AccountCall
from pipeline.verbs.options import BY_ID, OF_DATABASE, Option, valid_hours

BackupId = Annotated[str | None, Doc("The backup to restore. Without it the newest."), BY_ID]
Database = Annotated[str, Doc("The database whose backup is tried."), OF_DATABASE]
MaxAge = Annotated[
    float | None,
    Doc("Fail when the newest backup is older than HOURS."),
    Option(valid_hours, metavar="HOURS"),
]


async def drill(
    call: AccountCall,
    backup_id: BackupId = None,
    max_age: MaxAge = None,
    database: Database = DATABASE,
) -> None:
    """Restore the newest backup into a throwaway PostgreSQL 18, off the node, and compare it.

    Asks the node for nothing. The attachments' archive is read to its end. RPO (the snapshot's age when the
    drill began) and RTO (seconds until the compared database could be used) are measured, and written into
    the report, run.json, and into verified.json beside the backup. Nothing else stays.

    Exit code 4: no backup, a damaged one, or with --max-age one that is too old (tried all the same).

    On this machine, it needs room for the database in TMPDIR.

    Example: quickdata drill --max-age 26
    """
    oldest = timedelta(hours=max_age) if max_age else None
    request = drills.DrillRequest(database, backup_id, oldest)
    async with call.open_bucket() as (cloud, bucket):
        await drills.drill(cloud, bucket, request, call.progress, call.report, call.site)
