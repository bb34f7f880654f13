"""The verb `destroy`."""

from typing import Annotated, Literal

from typing_extensions import Doc

from pipeline.deploy.destroy import destroy as destroy_app
from pipeline.deploy.order import refresh_inventory
from pipeline.deployment import DATABASE
from pipeline.settings.inputs import Settings
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import Option, Yes

WithoutBackup = Annotated[
    Literal["nocodb_db"] | None,
    Doc("Destroy without a backup, if the database no longer works. Give the database's name to confirm."),
    Option(metavar="NAME-OF-DATABASE"),
]


async def destroy(call: DeploymentCall, without_backup: WithoutBackup = None, yes: Yes = False) -> None:
    """Destroy the app: nodes, disks, network. The bucket and its backups stay.

    A snapshot of the database's disk stays too, unless the disk was adopted or made by an older version. You
    pay for it until you delete it.

    First NocoDB is stopped, and a backup is taken and verified. If that fails, nothing is destroyed. No verb
    destroys storage.

    Example: quickdata destroy
    """
    settings = await call.read(Settings)
    first = "WITHOUT a backup of its last state" if without_backup else "after a verified backup"
    what = f"the app of {settings.title}, with its nodes and the disk of {DATABASE}"
    await call.confirm(f"Destroy {what}, {first}?", yes)
    async with call.deployment(settings) as d:
        if not without_backup:
            await refresh_inventory(d)
        counts = await destroy_app(d, backed_up=not without_backup)
        words = f"{counts['delete']} resources are deleted; the backups are still in {d.bucket}"
        d.report.prove("destroy", words, **counts)
