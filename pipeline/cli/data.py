"""The verbs of the data: backup, verify, backups, restore."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pipeline.cli import options
from pipeline.cli.terminal import confirm, errors_told, on_aws
from pipeline.deployment import DATABASE, Deployment

if TYPE_CHECKING:
    from pipeline.backups import Backup


def _backups(database: str) -> "list[Backup]":
    import anyio  # noqa: PLC0415 - its imports are slow

    from pipeline import backups as listing  # noqa: PLC0415
    from pipeline.settings import AccountSettings  # noqa: PLC0415
    from pipeline.storage import BUCKET_PREFIX, Cloud  # noqa: PLC0415

    settings = AccountSettings.read()
    cloud = Cloud(settings.credentials, settings.region)
    return anyio.run(listing.backups, cloud, BUCKET_PREFIX + settings.bucket_suffix, database)


@click.command()
@options.ask_vault_password
@options.verbose
def backup(ask: bool, verbose: bool) -> None:
    """Take a backup now. Reads the same variables as deploy.

    Example: quickdata backup
    """
    from pipeline import scripts  # noqa: PLC0415 - its imports are slow

    async def verb(d: Deployment) -> None:
        made = await scripts.backup(d)
        words = (
            f"{made['tables']} tables with {made['rows']} rows in {made['seconds']} s (backup {made['id']})"
        )
        d.report.prove("backup", f"{words}; `quickdata verify` restores one and compares it", **made)

    on_aws(verb, "backup", ask, verbose)


@click.command()
@options.backup_id
@options.ask_vault_password
@options.verbose
def verify(backup_id: str | None, ask: bool, verbose: bool) -> None:
    """Take a backup, restore it into a scratch database on the node, compare; safe on a live system.

    With --id that backup is compared, and none is taken. Reads the same variables as deploy.

    Example: quickdata verify
    """
    from pipeline import scripts  # noqa: PLC0415 - its imports are slow

    async def verb(d: Deployment) -> None:
        proof = await scripts.verify(d, backup_id)
        d.report.prove("verify", scripts.in_words(proof), **proof)

    on_aws(verb, "verify", ask, verbose)


@click.command()
@click.option("--database", default=DATABASE, show_default=True, help="Whose backups.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backups(database: str, as_json: bool) -> None:
    """List the backups: age, size, rows, verified when and by what; newest first.

    Reads TF_VAR_bucket_suffix, AWS_REGION and the credentials.

    Example: quickdata backups --json
    """
    from pipeline.backups import table  # noqa: PLC0415 - its imports are slow

    with errors_told("backups"):
        found = _backups(database)
    lines = [json.dumps([each.document() for each in found])] if as_json else table(found, datetime.now(UTC))
    click.echo("\n".join(lines))


@click.command()
@options.backup_id
@click.option("--from-database", default=DATABASE, show_default=True, help="Whose backup.")
@options.ask_vault_password
@options.yes
@options.verbose
def restore(backup_id: str | None, from_database: str, ask: bool, yes: bool, verbose: bool) -> None:
    """Restore a backup in place of the live database, which is kept beside it.

    Without --id the newest. The backup goes into a scratch database first and is compared with its
    manifest: on any failure the live database was not touched. Reads the same variables as deploy.

    Example: quickdata restore --id 3f2a9c1d
    """
    from pipeline import scripts  # noqa: PLC0415 - its imports are slow
    from pipeline.backups import chosen, table  # noqa: PLC0415

    with errors_told("restore"):
        backup = chosen(_backups(from_database), backup_id)

    def question() -> None:
        click.echo("\n".join(table([backup], datetime.now(UTC))), err=True)
        confirm(f"Restore it over {DATABASE}? What was written since stays in another database only.", yes)

    async def verb(d: Deployment) -> None:
        back = await scripts.restore(d, backup.id, from_database)
        d.report.prove("restore", f"{back['rows']} rows compared; the old database is {back['kept']}", **back)

    on_aws(verb, "restore", ask, verbose, question)
