"""The verbs for people: `quickdata VERB`."""

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pipeline import options
from pipeline.deployment import DATABASE, Deployment
from pipeline.terminal import confirm, errors_told, on_aws, run_and_tell

INTERRUPTED = 130

if TYPE_CHECKING:
    from pipeline.backups import Backup


def run() -> None:
    """Run the command line; Ctrl-C at a question ends like Ctrl-C anywhere else."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("✗ interrupted: nothing was done", err=True)
        sys.exit(INTERRUPTED)


def _backups(database: str) -> "list[Backup]":
    import anyio  # noqa: PLC0415 - its imports are slow

    from pipeline import backups as listing  # noqa: PLC0415
    from pipeline.settings import AccountSettings  # noqa: PLC0415
    from pipeline.storage import BUCKET_PREFIX, Cloud  # noqa: PLC0415

    settings = AccountSettings.read()
    cloud = Cloud(settings.credentials, settings.region)
    return anyio.run(listing.backups, cloud, BUCKET_PREFIX + settings.bucket_suffix, database)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quickdata-pipeline")
def main() -> None:
    """Deploy NocoDB and PostgreSQL in order, and prove that a backup would come back.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 refused by a gate, 4 verification failed, 130 interrupted.
    """


@main.command()
@options.suffix
@options.verbose
def rehearse(suffix: str, verbose: bool) -> None:
    """Rehearse the whole deployment on LocalStack, without AWS and without Docker.

    Deploys storage and app, configures two local nodes, backs up, damages, restores, compares, deploys
    again, destroys the app. Needs no settings, touches nothing real, leaves nothing behind but reports/.

    Example: quickdata rehearse
    """
    from pipeline.rehearsal.rehearse import rehearse as verb  # noqa: PLC0415 - its imports are slow

    run_and_tell(lambda progress, report: verb(progress, report, suffix), "rehearse", "localstack", verbose)


@main.command()
@options.ask_vault_password
@options.verbose
def check(ask: bool, verbose: bool) -> None:
    """Look at every input, tool, credential, the bucket and the vault; change nothing.

    Reads the same variables as deploy.

    Example: quickdata check
    """
    from pipeline import check as verbs  # noqa: PLC0415 - its imports are slow

    async def verb(d: Deployment) -> None:
        found = await verbs.check(d)
        d.progress.note("\n".join(map(str, found)))
        d.report.findings.extend(map(str, found))
        verbs.require_good(found)

    on_aws(verb, "check", ask, verbose)


@main.command()
@options.ask_vault_password
@options.verbose
def deploy(ask: bool, verbose: bool) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup comes back.

    Running it again changes only what differs, and goes on after a failure.

    \b
    Reads AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or what else boto3 finds),
    AWS_REGION, TF_VAR_bucket_suffix, TF_VAR_admin_cidr, GITLAB_USER and GITLAB_PAT,
    VAULT_PASSWORD or ANSIBLE_VAULT_PASSWORD_FILE, QUICKDATA_SSH_KEY,
    QUICKDATA_PROVIDER_MIRROR.

    Example: quickdata deploy --ask-vault-password
    """
    from pipeline import deploy as verbs  # noqa: PLC0415 - its imports are slow
    from pipeline import scripts  # noqa: PLC0415

    async def verb(d: Deployment) -> None:
        deployed = await verbs.deploy(d)
        d.report.prove("deploy and verify", scripts.in_words(deployed.proof), **deployed.proof)
        d.progress.note(verbs.banner(d, deployed.outputs))

    on_aws(verb, "deploy", ask, verbose)


@main.command()
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


@main.command()
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


@main.command()
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


@main.command()
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


@main.command()
@click.option(
    "--without-backup",
    metavar="NAME-OF-DATABASE",
    type=click.Choice([DATABASE]),
    help="Take no backup first: for an app whose database is dead already.",
)
@options.ask_vault_password
@options.yes
@options.verbose
def destroy(without_backup: str | None, ask: bool, yes: bool, verbose: bool) -> None:
    """Destroy the app: nodes, disks, network. The bucket and its backups stay.

    NocoDB is stopped, a backup is taken and verified first; if that fails, nothing is destroyed. No verb
    destroys storage. Reads the same variables as deploy.

    Example: quickdata destroy
    """
    from pipeline import deploy as verbs  # noqa: PLC0415 - its imports are slow

    first = "WITHOUT a backup of its last state" if without_backup else "after a verified backup"

    def question() -> None:
        confirm(f"Destroy the app, with its nodes and the disk of {DATABASE}, {first}?", yes)

    async def verb(d: Deployment) -> None:
        counts = await verbs.destroy(d, backed_up=without_backup is None)
        d.report.prove(
            "destroy", f"{counts['delete']} resources are gone; the backups are in {d.bucket}", **counts
        )

    on_aws(verb, "destroy", ask, verbose, question)
