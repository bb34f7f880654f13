"""The verb `drill`."""

from datetime import timedelta
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import drill as drills
from pipeline.backups.places import on_this_machine
from pipeline.deployment import DATABASE
from pipeline.errors import SettingsError
from pipeline.servers.named import named_server
from pipeline.verbs.call import AccountCall
from pipeline.verbs.options import BY_ID, OF_DATABASE, Option, valid_hours, valid_image, valid_server

BackupId = Annotated[str | None, Doc("The backup to restore. Without it the newest."), BY_ID]
Database = Annotated[str, Doc("The database whose backup is tried."), OF_DATABASE]
MaxAge = Annotated[
    float | None,
    Doc("Fail when the newest backup is older than HOURS."),
    Option(valid_hours, metavar="HOURS"),
]
Image = Annotated[
    str | None,
    Doc("Restore into a throwaway container of IMAGE, PostgreSQL's own or one made of it. Needs Docker."),
    Option(valid_image, metavar="IMAGE", terminal_only=True),
]
Server = Annotated[
    str | None,
    Doc("Restore into a scratch database of this server, which is dropped afterwards. Signs in as PGUSER."),
    Option(valid_server, metavar="HOST:PORT", terminal_only=True),
]


async def drill(
    call: AccountCall,
    backup_id: BackupId = None,
    max_age: MaxAge = None,
    database: Database = DATABASE,
    image: Image = None,
    server: Server = None,
) -> None:
    """Restore the newest backup into a throwaway PostgreSQL 18, off the node, and compare it.

    Needs nothing from the node. The attachments' archive is read to its end. RPO (the snapshot's age when the
    drill began) and RTO (seconds until the compared database could be used) are measured, and written into
    the report, run.json, and into verified.json beside the backup. Nothing else stays.

    Exit code 3: the server lacks an extension, a locale, a collation or a compression method of the
    database. Exit code 4: no backup, a damaged one, or with --max-age one that is too old (tried all the
    same).

    On this machine, the server is a container of the deployment's image where Docker answers; else a
    PostgreSQL 18 of its packages; else the pipeline's own, which knows few extensions and locales, and
    needs room for the database in TMPDIR. The password of a named server is in PGPASSWORD, or in the file
    that PGPASSFILE names.

    Example: quickdata drill --max-age 26
    """
    if image and server:
        raise SettingsError("--image and --server name two servers", "give one of them")
    oldest = timedelta(hours=max_age) if max_age else None
    request = drills.DrillRequest(database, backup_id, oldest)
    async with call.open_bucket() as (cloud, bucket):
        place = call.site or on_this_machine(image, named_server(server) if server else None)
        await drills.drill(cloud, bucket, request, call.progress, call.report, place)
