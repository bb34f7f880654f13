"""The verb `restore`."""

from datetime import UTC, datetime
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import catalogue, node
from pipeline.deploy.order import refresh_inventory
from pipeline.deployment import DATABASE
from pipeline.errors import RestoredInPart, listed
from pipeline.settings.inputs import Settings
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import BY_ID, Option, Yes, valid_database, wrong


def valid_source(value: str) -> str:
    """Return the name of a database that can be passed to Ansible.

    Raises:
        ValueError: a database of a deployment cannot have this name, or Ansible would read a template in it.
    """
    if "{" in value:
        said = "has a brace, which Ansible would read as a template"
        raise wrong(value, f"{said}; run restore-pg-latest.sh on the node instead")
    return valid_database(value)


BackupId = Annotated[
    str | None, Doc("The backup to restore; `quickdata backups` lists them. Default: the newest."), BY_ID
]
KeepGoing = Annotated[
    bool,
    Doc("Go live even if some objects cannot be built on the rows, or have other definitions."),
]
FromDatabase = Annotated[str, Doc("The database whose backup to restore."), Option(valid_source)]


async def restore(
    call: DeploymentCall,
    backup_id: BackupId = None,
    from_database: FromDatabase = DATABASE,
    keep_going: KeepGoing = False,
    yes: Yes = False,
) -> None:
    """Replace the live database by a restored backup, and keep the old database under another name.

    The backup is first restored into a scratch database and compared with its manifest. A failure does not
    touch the live database. Settings and grants that the server refuses are listed. Exit code 5: the restore
    is live, but objects are missing or have other definitions.

    Example: quickdata restore --id 3f2a9c1d
    """
    settings = await call.read(Settings)
    call.require_answer(yes)
    since = "Rows that were written after that backup stay only in the old database, which is kept."
    async with call.deployment(settings) as d:
        listed = await catalogue.list_backups(d.cloud, d.bucket, from_database)
        chosen = catalogue.choose(listed, backup_id, from_database)
        shown = "\n".join(catalogue.table([chosen], datetime.now(UTC)))
        question = f"Restore {chosen.id} of {from_database} over {DATABASE} of {settings.title}? {since}"
        await call.confirm(question, yes, shown)
        await refresh_inventory(d)
        restored = await node.restore(d, chosen.id, from_database, keep_going)
        words = f"{restored['rows']} rows compared; the old database is {restored['kept']}"
        words += node.refused_settings(restored)
        if d.real_nodes:
            words += f"; NocoDB was down for {restored['nocodb_away_seconds']} s"
        d.report.prove("restore", words, **restored)
        require_complete(chosen.id, node.missing_objects(restored))


def require_complete(backup_id: str, missing: list[str]) -> None:
    """Make sure that every object was restored.

    Raises:
        RestoredInPart: some objects are missing, or have other definitions.
    """
    if missing:
        what = f"backup {backup_id} is restored and live, but objects are missing or have other definitions:"
        fix = "fix the rows and create the objects: see docs/runbook.md, `Objects cannot be built`"
        raise RestoredInPart(listed(what, missing), fix)
