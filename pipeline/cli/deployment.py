"""The verbs of the whole deployment: rehearse, check, plan, deploy, status, destroy."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import click

from pipeline.cli import options
from pipeline.cli.terminal import Question, agreement, on_aws, run_and_tell, vault_password
from pipeline.deployment import DATABASE, Deployment

CHANGES = 2
"""Exit code of `plan --detailed-exitcode`, as OpenTofu's own."""


@click.command()
@options.suffix
@options.nodes
@options.verbose
def rehearse(suffix: str, nodes: str, verbose: bool) -> None:
    """Rehearse the whole deployment on LocalStack, without AWS; Docker is used, but not needed.

    Deploys storage and app, configures two nodes, backs up, damages, restores, compares, deploys
    again, destroys the app. Needs no settings and touches nothing real. What stays: reports/, a
    downloaded OpenTofu in ~/.cache/quickdata (or XDG_CACHE_HOME), images in Docker.

    \b
    docker  the nodes are containers, reached by SSH: a real Swarm, NocoDB, Adminer
    local   the nodes are directories, the database is a process: the files and scripts, no Swarm
    auto    docker where Docker answers and has the images or can pull them, else local

    Example: quickdata rehearse
    """
    from pipeline.rehearsal.which_nodes import rehearse_on  # noqa: PLC0415 - its imports are slow

    run_and_tell(
        lambda progress, report: rehearse_on(nodes, progress, report, suffix),
        "rehearse",
        "localstack",
        verbose,
    )


@click.command()
@options.state
@options.ask_vault_password
@options.verbose
def check(given: Mapping[str, str], ask: bool, verbose: bool) -> None:
    """Look at every input, tool, credential, the bucket, the states and the vault; change nothing.

    Reads the same variables as deploy.

    Example: quickdata check
    """
    from pipeline.verbs import verbs  # noqa: PLC0415 - its imports are slow

    on_aws(verbs.check, "check", {**given, **vault_password(ask)}, verbose)


@click.command()
@options.out
@options.state
@click.option("--detailed-exitcode", "detailed", is_flag=True, help="Exit with 2 when there are changes.")
@options.ask_vault_password
@options.verbose
def plan(out: Path, given: Mapping[str, str], detailed: bool, ask: bool, verbose: bool) -> None:
    """Show what deploy would do, on one page, and keep the plans; change nothing.

    What cannot be known before the bucket, the app or the nodes exist is shown as deferred: deploy plans it
    when it gets there. A plan that the gate refuses is shown, not kept, and ends with exit code 3.

    \b
    Exit codes with --detailed-exitcode: 0 nothing to do, 2 changes; what is deferred counts as changes.
    DIR/plan.json holds counts only, for GitLab's artifacts:reports:terraform; the plans beside it hold
    what the states hold: upload plan.json alone. Reads the same variables as deploy.

    Example: quickdata plan --out plan
    """
    from pipeline.deploy import preview as verbs  # noqa: PLC0415 - its imports are slow
    from pipeline.deploy.saved_plans import SavedPlans  # noqa: PLC0415

    seen: list[verbs.Preview] = []

    async def verb(d: Deployment) -> None:
        seen.append(await verbs.preview(d, SavedPlans(PurePosixPath(out))))
        seen[0].require_allowed()

    try:
        on_aws(verb, "plan", {**given, **vault_password(ask)}, verbose)
    finally:
        if out.is_dir() and not any(out.iterdir()):
            out.rmdir()
        for each in seen:
            click.echo(each.page())
    if detailed and seen[0].changes:
        sys.exit(CHANGES)


@click.command()
@options.saved_plan
@options.state
@options.ask_vault_password
@options.yes
@options.verbose
def deploy(folder: Path | None, given: Mapping[str, str], ask: bool, yes: bool, verbose: bool) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup comes back.

    Running it again changes only what differs, and continues after a failure. Before a node or the database's
    disk is replaced or deleted, it asks; without a terminal it needs --yes, or is refused (exit code 3).
    With --plan the plans of `quickdata plan` are applied as they are, without a question, or refused (exit
    code 3) when the state, the code, the inputs or the account have changed; what they deferred is planned,
    and asked about, then.

    \b
    Reads AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or what else boto3 finds),
    AWS_REGION, TF_VAR_bucket_suffix, TF_VAR_admin_cidr, GITLAB_USER and GITLAB_PAT,
    VAULT_PASSWORD or ANSIBLE_VAULT_PASSWORD_FILE, QUICKDATA_SSH_KEY,
    QUICKDATA_PROVIDER_MIRROR, QUICKDATA_STATE, QUICKDATA_STATE_PASSPHRASE;
    with --state gitlab also GITLAB_URL and GITLAB_PROJECT.

    Example: quickdata deploy --ask-vault-password
    """
    from pipeline.deploy.saved_plans import SavedPlans  # noqa: PLC0415
    from pipeline.verbs import verbs  # noqa: PLC0415 - its imports are slow

    saved = SavedPlans(PurePosixPath(folder.absolute())) if folder else None
    agree = agreement(yes)
    on_aws(lambda d: verbs.deploy(d, saved, agree), "deploy", {**given, **vault_password(ask)}, verbose)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.state
@options.ask_vault_password
@options.verbose
def status(as_json: bool, given: Mapping[str, str], ask: bool, verbose: bool) -> None:
    """Tell how the deployment is: bucket, backups, nodes, services, drift; change nothing there.

    \b
    bucket    there, yours, versioned
    backups   the newest one's age and rows; which was last verified, when and by what
    nodes     those of EC2 with this deployment's tags: state, role, addresses
    services  what the Swarm's manager says: replicas wanted and running, image
    drift     a plan of each stack, thrown away: none, or what differs

    An inventory here that differs from the app's outputs is made again.

    A part that cannot be looked at says so, and the others are told all the same. Exit codes: 0 all is well;
    1 something is not as it should be (a night without a backup, nothing ever verified, a node or a service
    that does not run, drift), or could not be looked at. Reads the same variables as deploy.

    Example: quickdata status --json
    """
    from pipeline.deploy import status as verbs  # noqa: PLC0415 - its imports are slow
    from pipeline.deploy.finding import Finding  # noqa: PLC0415 - likewise

    found: list[Finding] = []

    async def verb(d: Deployment) -> None:
        found.extend(await verbs.status(d))
        d.report.findings.extend(map(str, found))
        verbs.require_well(found)

    try:
        on_aws(verb, "status", {**given, **vault_password(ask)}, verbose)
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
    from pipeline.verbs import verbs  # noqa: PLC0415 - its imports are slow

    first = "WITHOUT a backup of its last state" if without_backup else "after a verified backup"

    question = f"Destroy the app, with its nodes and the disk of {DATABASE}, {first}?"
    on_aws(
        lambda d: verbs.destroy(d, without_backup or ""),
        "destroy",
        {**given, **vault_password(ask)},
        verbose,
        Question(lambda: question, yes),
    )
