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
    """Return the name of a database whose backup Ansible can have restored.

    Raises:
        ValueError: no database of ours can have it, or Ansible would read it as a template.
    """
    if "{" in value:
        said = "has a brace, which Ansible would take for a template of its own"
        raise wrong(value, f"{said}; restore it by hand, with restore-pg-latest.sh on the node")
    return valid_database(value)


BackupId = Annotated[
    str | None, Doc("The backup to restore; `quickdata backups` lists them. Without it the newest."), BY_ID
]
KeepGoing = Annotated[bool, Doc("Go on without objects that the rows refuse, or with other definitions.")]
FromDatabase = Annotated[str, Doc("The database whose backup is restored."), Option(valid_source)]


async def restore(
    call: DeploymentCall,
    backup_id: BackupId = None,
    from_database: FromDatabase = DATABASE,
    keep_going: KeepGoing = False,
    yes: Yes = False,
) -> None:
    """Restore a backup in place of the live database, which is kept beside it.

    The backup goes into a scratch database first and is compared with its manifest: a failure does not touch
    the live database. Settings and grants that the server refuses are listed. Exit code 5: objects are
    missing or defined otherwise.

    Example: quickdata restore --id 3f2a9c1d
    """
    settings = await call.read(Settings)
    call.require_answer(yes)
    since = "What was written since that backup stays only in the database that is kept."
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
            words += f"; NocoDB was away for {restored['nocodb_away_seconds']} s"
        d.report.prove("restore", words, **restored)
        require_complete(chosen.id, node.missing_objects(restored))


def require_complete(backup_id: str, missing: list[str]) -> None:
    """Make sure that all came back.

    Raises:
        RestoredInPart: some objects are missing, or defined otherwise.
    """
    if missing:
        what = f"backup {backup_id} is restored and live, with objects missing or defined otherwise:"
        fix = "fix their rows and make them: see docs/runbook.md, `Objects cannot be built`"
        raise RestoredInPart(listed(what, missing), fix)
