"""The verb `restore`."""

from datetime import UTC, datetime
from typing import Annotated

from typing_extensions import Doc

from pipeline.backups import catalogue, node, recovery
from pipeline.backups.node import Figures
from pipeline.backups.recovery import Target
from pipeline.deploy.order import refresh_inventory
from pipeline.deployment import DATABASE, Deployment
from pipeline.errors import RestoredInPart, SettingsError, listed
from pipeline.settings.inputs import Settings
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import BY_ID, TO_POINT, TO_TIME, Option, Yes, valid_database, wrong


def valid_source(value: str) -> str:
    """Return the name of a database that can be passed to Ansible.

    Raises:
        ValueError: a database of a deployment cannot have this name, or Ansible would read a template in it.
    """
    if "{" in value:
        said = "has a brace, which Ansible would read as a template"
        raise wrong(value, f"{said}; run restore-pg-latest.sh on the node instead")
    return valid_database(value)


def valid_into(value: str | None) -> str | None:
    """Return the name of a database that comes back alone.

    Raises:
        ValueError: a database cannot have this name, or Ansible would read a template in it.
    """
    return value if value is None else valid_source(value)


BackupId = Annotated[str | None, Doc("Restore this backup. Default: the newest."), BY_ID]
KeepGoing = Annotated[bool, Doc("Go live although objects are missing or differ.")]
FromDatabase = Annotated[str, Doc("Restore a backup of this database."), Option(valid_source)]
ToTime = Annotated[str | None, Doc("Recover to this time, or to the end: latest."), TO_TIME]
ToPoint = Annotated[str | None, Doc("Recover to this proven point, and compare the rows with it."), TO_POINT]

Into = Annotated[
    str | None,
    Doc("Bring back this database alone, as it was at that moment."),
    Option(valid_into, metavar="DATABASE", terminal_only=True),
]


async def restore(  # noqa: PLR0913, PLR0917 - a parameter for each option
    call: DeploymentCall,
    backup_id: BackupId = None,
    from_database: FromDatabase = DATABASE,
    keep_going: KeepGoing = False,
    to_time: ToTime = None,
    to_point: ToPoint = None,
    into: Into = None,
    yes: Yes = False,
) -> None:
    """Replace the live database with a backup, or return it to an earlier time; the old one is kept.

    A failure does not touch the live database. Refused settings and grants are listed. Exit code 5: the
    restore is live, but objects are missing or have other definitions.

    Example: quickdata restore --to-time '2026-11-28 14:55:00+01:00'
    """
    require_one_kind(to_time, to_point, bool(backup_id) or keep_going or from_database != DATABASE, into)
    settings = await call.read(Settings)
    call.require_answer(yes)
    async with call.deployment(settings) as d:
        if to_time or to_point:
            await recover(call, d, Target(to_time, to_point, into), yes)
        else:
            await restore_backup(call, d, backup_id, from_database, keep_going, yes)


def require_one_kind(
    to_time: str | None, to_point: str | None, of_backup: bool, into: str | None = None
) -> None:
    """Make sure that the options name either a backup or a moment.

    Raises:
        SettingsError: they name both, or two moments, or a database without a moment.
    """
    if to_time and to_point:
        raise SettingsError("--to-time and --to-point cannot be used together", "give only one of them")
    if (to_time or to_point) and of_backup:
        what = "--to-time or --to-point, and --id, --from-database or --keep-going, cannot be used together"
        raise SettingsError(what, "give a moment or a backup")
    if into and not (to_time or to_point):
        raise SettingsError("--into needs --to-time or --to-point", "add one of them")


async def recover(call: DeploymentCall, d: Deployment, target: Target, yes: bool) -> None:
    """Show what a recovery takes, ask, and recover."""
    await refresh_inventory(d)
    found = await recovery.look(d, target)
    if target.into:
        await bring_back(call, d, target, found, yes)
        return
    lost = "Rows that are written until NocoDB stops for the swap are lost too."
    question = f"Recover the database of {_title(d)} to {found['moment']}? {lost}"
    await call.confirm(question, yes, "\n".join(recovery.table(found)))
    figures = await recovery.recover(d, target)
    d.report.prove("recovery", recovery.in_words(figures), **figures)


async def bring_back(call: DeploymentCall, d: Deployment, target: Target, found: Figures, yes: bool) -> None:
    """Ask, and bring one database back."""
    kept = "The database that is there now is kept under another name. All other databases stay."
    question = f"Bring {target.into} of {_title(d)} back to {found['moment']}? {kept}"
    await call.confirm(question, yes, "\n".join(recovery.table(found)))
    figures = await recovery.bring_back(d, target)
    words = recovery.brought_back_in_words(figures) + node.refused_settings(figures)
    d.report.prove("recovery", words, **figures)


async def restore_backup(
    call: DeploymentCall,
    d: Deployment,
    backup_id: str | None,
    from_database: str,
    keep_going: bool,
    yes: bool,
) -> None:
    """Show the chosen backup, ask, and restore it."""
    since = "Rows that were written after that backup stay only in the old database, which is kept."
    listed = await catalogue.list_backups(d.cloud, d.bucket, from_database)
    chosen = catalogue.choose(listed, backup_id, from_database)
    shown = "\n".join(catalogue.table([chosen], datetime.now(UTC)))
    question = f"Restore {chosen.id} of {from_database} over {DATABASE} of {_title(d)}? {since}"
    await call.confirm(question, yes, shown)
    await refresh_inventory(d)
    restored = await node.restore(d, chosen.id, from_database, keep_going)
    words = f"{restored['rows']} rows compared; the old database is {restored['kept']}"
    words += node.refused_settings(restored)
    if d.real_nodes:
        words += f"; NocoDB was down for {restored['nocodb_away_seconds']} s"
    d.report.prove("restore", words, **restored)
    require_complete(chosen.id, node.missing_objects(restored))


def _title(d: Deployment) -> str:
    """Return the deployment's name, as questions show it."""
    return f"{d.suffix} in {d.cloud.region}"


def require_complete(backup_id: str, missing: list[str]) -> None:
    """Make sure that every object was restored.

    Raises:
        RestoredInPart: some objects are missing, or have other definitions.
    """
    if missing:
        what = f"backup {backup_id} is restored and live, but objects are missing or have other definitions:"
        fix = "fix the rows and create the objects: see docs/runbook.md, `Objects cannot be built`"
        raise RestoredInPart(listed(what, missing), fix)
