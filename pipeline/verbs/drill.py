"""The verb `drill`."""

from datetime import timedelta
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import drill as drills
from pipeline.backups import recovery
from pipeline.backups.places import on_this_machine
from pipeline.deploy.order import refresh_inventory
from pipeline.deployment import DATABASE
from pipeline.errors import SettingsError
from pipeline.servers.named import named_server
from pipeline.verbs.call import DrillCall
from pipeline.verbs.options import BY_ID, OF_DATABASE, Option, valid_hours, valid_image, valid_server

BackupId = Annotated[str | None, Doc("The backup to restore. Default: the newest."), BY_ID]
Database = Annotated[str, Doc("The database whose backup to restore."), OF_DATABASE]
MaxAge = Annotated[
    float | None,
    Doc("Fail if the newest backup is older than HOURS."),
    Option(valid_hours, metavar="HOURS"),
]
Image = Annotated[
    str | None,
    Doc(
        "Restore into a throwaway container of IMAGE: the official PostgreSQL image, or one built on it."
        " Needs Docker."
    ),
    Option(valid_image, metavar="IMAGE", terminal_only=True),
]
Server = Annotated[
    str | None,
    Doc(
        "Restore into a scratch database on this server, and drop it afterwards. The user is taken from"
        " PGUSER."
    ),
    Option(valid_server, metavar="HOST:PORT", terminal_only=True),
]
Physical = Annotated[bool, Doc("Recover the physical backups instead, on the node.")]


async def drill(  # noqa: PLR0913, PLR0917 - a parameter for each option
    call: DrillCall,
    backup_id: BackupId = None,
    max_age: MaxAge = None,
    database: Database = DATABASE,
    image: Image = None,
    server: Server = None,
    physical: Physical = False,
) -> None:
    """Restore the newest backup into a throwaway PostgreSQL 18, off the node, and compare it.

    It measures RPO, the age of the snapshot when the drill began, and RTO, the seconds until the compared
    database could be used. Both are in the report, run.json, and verified.json beside the backup.

    Exit code 3: the server lacks something of the database. Exit code 4: there is no backup, or it is
    damaged, or older than --max-age (an old backup is restored all the same).

    On this machine, the server is a container of the deployment's image if Docker runs; else an installed
    PostgreSQL 18; else the pipeline's own, which has few extensions and locales, and needs space for the
    database in TMPDIR. With --server, set the password in PGPASSWORD, or name a password file in PGPASSFILE.

    Example: quickdata drill --max-age 26
    """
    if physical:
        if backup_id or max_age or image or server or database != DATABASE:
            raise SettingsError("--physical cannot be combined with other options", "give only --physical")
        async with call.deployment() as d:
            await refresh_inventory(d)
            figures = await recovery.drill(d)
            d.report.prove("physical drill", recovery.drill_in_words(figures), **figures)
        return
    if image and server:
        raise SettingsError("--image and --server cannot be used together", "give only one of them")
    oldest = timedelta(hours=max_age) if max_age else None
    request = drills.DrillRequest(database, backup_id, oldest)
    async with call.open_bucket() as (cloud, bucket):
        place = call.site or on_this_machine(image, named_server(server) if server else None)
        await drills.drill(cloud, bucket, request, call.progress, call.report, place)
