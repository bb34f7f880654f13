"""The verbs of the data: backup, verify, backups, drill, restore."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from pipeline.cli import options
from pipeline.cli.terminal import Question, errors_told, on_aws, run_and_tell, vault_password
from pipeline.deployment import DATABASE

if TYPE_CHECKING:
    from pipeline.backups.catalogue import Backup
    from pipeline.deployment import Deployment
    from pipeline.reporting.progress import Progress
    from pipeline.reporting.report import Report


def _backups(database: str) -> "list[Backup]":
    import anyio  # noqa: PLC0415 - its imports are slow

    from pipeline.aws.account import Cloud  # noqa: PLC0415
    from pipeline.backups import catalogue as listing  # noqa: PLC0415
    from pipeline.settings.inputs import AccountSettings  # noqa: PLC0415

    settings = AccountSettings.read()
    cloud = Cloud(settings.credentials, settings.region)
    return anyio.run(listing.backups, cloud, settings.bucket, database)


@click.command()
@options.state
@options.ask_vault_password
@options.verbose
def backup(given: Mapping[str, str], ask: bool, verbose: bool) -> None:
    """Take a backup now. Reads the same variables as deploy.

    Example: quickdata backup
    """
    from pipeline.verbs import verbs  # noqa: PLC0415 - its imports are slow

    on_aws(verbs.backup, "backup", {**given, **vault_password(ask)}, verbose)


@click.command()
@options.backup_id
@options.state
@options.ask_vault_password
@options.verbose
def verify(backup_id: str | None, given: Mapping[str, str], ask: bool, verbose: bool) -> None:
    """Take a backup, restore it into a scratch database on the node, compare; safe on a live system.

    With --id that backup is compared, and none is taken. Reads the same variables as deploy.

    Example: quickdata verify
    """
    from pipeline.verbs import verbs  # noqa: PLC0415 - its imports are slow

    inputs = {**given, **vault_password(ask)}
    on_aws(lambda d: verbs.verify(d, backup_id), "verify", inputs, verbose)


@click.command()
@options.database
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backups(database: str, as_json: bool) -> None:
    """List the backups: age, size, rows, complete or not, verified when and by what; newest first.

    One whose manifest cannot be used is shown as BAD with the reason, and is not restored.
    Reads TF_VAR_bucket_suffix, AWS_REGION and the credentials.

    Example: quickdata backups --json
    """
    from pipeline.backups.catalogue import table  # noqa: PLC0415 - its imports are slow

    with errors_told("backups"):
        found = _backups(database)
    lines = [json.dumps([each.document() for each in found])] if as_json else table(found, datetime.now(UTC))
    click.echo("\n".join(lines))


@click.command()
@options.backup_id
@options.max_age
@options.database
@options.verbose
def drill(backup_id: str | None, max_age: timedelta | None, database: str, verbose: bool) -> None:
    """Restore the newest backup into a throwaway PostgreSQL 18 on this machine, and compare it.

    Needs no node: it reads TF_VAR_bucket_suffix, AWS_REGION and the credentials, and wants room for the
    database in TMPDIR. The attachments' archive is read to its end. RPO (the snapshot's age when the drill
    began) and RTO (seconds until the compared database could be used) are measured, and written into
    reports/run.json and into verified.json beside the backup. Nothing else stays.

    Exit code 4: no backup, a damaged one, or with --max-age one that is too old (tried all the same).

    Example: quickdata drill --max-age 26
    """
    from pipeline.aws.account import Cloud  # noqa: PLC0415
    from pipeline.backups import drill as drills  # noqa: PLC0415 - its imports are slow
    from pipeline.settings.inputs import AccountSettings  # noqa: PLC0415

    with errors_told("drill"):
        settings = AccountSettings.read()
    request = drills.DrillRequest(database, backup_id, max_age)

    async def verb(progress: "Progress", report: "Report") -> None:
        cloud = Cloud(settings.credentials, settings.region)
        await drills.drill(cloud, settings.bucket, request, progress, report)

    run_and_tell(verb, "drill", "aws", verbose)


@click.command()
@options.backup_id
@options.from_database
@options.state
@options.ask_vault_password
@options.yes
@options.verbose
def restore(
    backup_id: str | None,
    from_database: str,
    given: Mapping[str, str],
    ask: bool,
    yes: bool,
    verbose: bool,
) -> None:
    """Restore a backup in place of the live database, which is kept beside it.

    Without --id the newest. The backup goes into a scratch database first and is compared with its
    manifest: on any failure the live database was not touched. Reads the same variables as deploy.

    Example: quickdata restore --id 3f2a9c1d
    """
    from pipeline.backups import catalogue as listing  # noqa: PLC0415 - its imports are slow
    from pipeline.verbs import verbs  # noqa: PLC0415

    seen: list[Backup] = []

    async def look(d: "Deployment") -> None:
        found = await listing.backups(d.cloud, d.bucket, from_database)
        seen.append(listing.chosen(found, backup_id, from_database))

    def question() -> str:
        click.echo("\n".join(listing.table(seen, datetime.now(UTC))), err=True)
        since = "What was written since that backup stays only in the database that is kept."
        return f"Restore it over {DATABASE}? {since}"

    async def verb(d: "Deployment") -> None:
        await verbs.restore(d, seen[0].id, from_database)

    on_aws(verb, "restore", {**given, **vault_password(ask)}, verbose, Question(question, yes), look)
