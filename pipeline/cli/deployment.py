"""The verbs of the whole deployment: rehearse, check, deploy, status, destroy."""

import json

from collections.abc import Mapping

import click

from pipeline.cli import options
from pipeline.cli.terminal import confirm, on_aws, run_and_tell
from pipeline.deployment import DATABASE, Deployment


@click.command()
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


@click.command()
@options.state
@options.ask_vault_password
@options.verbose
def check(given: Mapping[str, str], ask: bool, verbose: bool) -> None:
    """Look at every input, tool, credential, the bucket, the states and the vault; change nothing.

    Reads the same variables as deploy.

    Example: quickdata check
    """
    from pipeline import check as verbs  # noqa: PLC0415 - its imports are slow

    async def verb(d: Deployment) -> None:
        found = await verbs.check(d)
        d.progress.note("\n".join(map(str, found)))
        d.report.findings.extend(map(str, found))
        verbs.require_good(found)

    on_aws(verb, "check", ask, verbose, given=given)


@click.command()
@options.state
@options.ask_vault_password
@options.verbose
def deploy(given: Mapping[str, str], ask: bool, verbose: bool) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup comes back.

    Running it again changes only what differs, and goes on after a failure.

    \b
    Reads AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or what else boto3 finds),
    AWS_REGION, TF_VAR_bucket_suffix, TF_VAR_admin_cidr, GITLAB_USER and GITLAB_PAT,
    VAULT_PASSWORD or ANSIBLE_VAULT_PASSWORD_FILE, QUICKDATA_SSH_KEY,
    QUICKDATA_PROVIDER_MIRROR, QUICKDATA_STATE, QUICKDATA_STATE_PASSPHRASE;
    with --state gitlab also GITLAB_URL and GITLAB_PROJECT.

    Example: quickdata deploy --ask-vault-password
    """
    from pipeline import deploy as verbs  # noqa: PLC0415 - its imports are slow
    from pipeline import scripts  # noqa: PLC0415

    async def verb(d: Deployment) -> None:
        deployed = await verbs.deploy(d)
        d.report.prove("deploy and verify", scripts.in_words(deployed.proof), **deployed.proof)
        d.progress.note(verbs.banner(d, deployed.outputs))

    on_aws(verb, "deploy", ask, verbose, given=given)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.ask_vault_password
@options.verbose
def status(as_json: bool, ask: bool, verbose: bool) -> None:
    """Tell how the deployment is: bucket, backups, nodes, services, drift; change nothing.

    \b
    bucket    there, yours, versioned
    backups   the newest one's age and rows; which was last verified, when and by what
    nodes     those of EC2 with this deployment's tags: state, role, addresses
    services  what the Swarm's manager says: replicas wanted and running, image
    drift     a plan of each stack, thrown away: none, or what differs

    A part that cannot be looked at says so, and the others are told all the same. Exit codes: 0 all is well;
    1 something is not as it should be (a night without a backup, nothing ever verified, a node or a service
    that does not run, drift), or could not be looked at. Reads the same variables as deploy.

    Example: quickdata status --json
    """
    from pipeline import status as verbs  # noqa: PLC0415 - its imports are slow

    found: list[verbs.Part] = []

    async def verb(d: Deployment) -> None:
        found.extend(await verbs.status(d))
        d.report.findings.extend(map(str, found))
        verbs.require_well(found)

    try:
        on_aws(verb, "status", ask, verbose)
    finally:
        lines = [json.dumps([part.document() for part in found])] if as_json else list(map(str, found))
        click.echo("\n".join(lines if found else []), nl=bool(found))


@click.command()
@click.option(
    "--without-backup",
    metavar="NAME-OF-DATABASE",
    type=click.Choice([DATABASE]),
    help="Take no backup first: for an app whose database is dead already.",
)
@options.state
@options.ask_vault_password
@options.yes
@options.verbose
def destroy(
    without_backup: str | None, given: Mapping[str, str], ask: bool, yes: bool, verbose: bool
) -> None:
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

    on_aws(verb, "destroy", ask, verbose, question, given)
