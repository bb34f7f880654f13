"""The verbs for people: `quickdata VERB`."""

import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from pipeline.deployment import Deployment
from pipeline.errors import PipelineError
from pipeline.progress import Progress
from pipeline.report import Report
from pipeline.run import run

REPORTS = Path(__file__).parents[1] / "reports"

ask_vault_password = click.option(
    "--ask-vault-password", "ask", is_flag=True, help="Ask for it at the terminal."
)
verbose = click.option("-v", "--verbose", is_flag=True, help="Show what the tools themselves print.")


def _suffix(_context: click.Context, _option: click.Parameter, value: str) -> str:
    from pipeline.settings import valid_suffix  # noqa: PLC0415 - its imports are slow

    try:
        return valid_suffix(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quickdata-pipeline")
def main() -> None:
    """Deploy NocoDB and PostgreSQL in order, and prove that a backup would come back.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 refused by a gate, 4 verification failed, 130 interrupted.
    """


@main.command()
@click.option(
    "--suffix",
    default="rehearsal",
    show_default=True,
    callback=_suffix,
    help="Stands for TF_VAR_bucket_suffix.",
)
@verbose
def rehearse(suffix: str, verbose: bool) -> None:
    """Rehearse the whole deployment on LocalStack, without AWS and without Docker.

    Deploys storage and app, configures two local nodes, backs up, damages, restores, compares, deploys
    again, destroys the app. Needs no settings, touches nothing real, leaves nothing behind but reports/.

    Example: quickdata rehearse
    """
    from pipeline.rehearsal.rehearse import rehearse as verb  # noqa: PLC0415 - its imports are slow

    _run(lambda progress, report: verb(progress, report, suffix), "rehearse", "localstack", verbose)


@main.command()
@ask_vault_password
@verbose
def deploy(ask: bool, verbose: bool) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup comes back.

    Running it again changes only what differs, and goes on after a failure.

    \b
    Reads AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or any profile), AWS_REGION, TF_VAR_bucket_suffix,
    TF_VAR_admin_cidr, GITLAB_USER and GITLAB_PAT, VAULT_PASSWORD or ANSIBLE_VAULT_PASSWORD_FILE,
    QUICKDATA_SSH_KEY, QUICKDATA_PROVIDER_MIRROR.

    Example: TF_VAR_bucket_suffix=ppr TF_VAR_admin_cidr=203.0.113.7/32 quickdata deploy --ask-vault-password
    """
    from pipeline import deploy as verbs  # noqa: PLC0415 - its imports are slow

    async def verb(d: Deployment) -> None:
        deployed = await verbs.deploy(d)
        d.report.proofs["deploy and verify"] = deployed.proof
        d.progress.note(verbs.banner(d, deployed.outputs))

    _on_aws(verb, "deploy", ask, verbose)


@main.command()
@ask_vault_password
@verbose
def verify(ask: bool, verbose: bool) -> None:
    """Take a backup, restore it into a scratch database on the node, compare; safe on a live system.

    Reads the same variables as deploy.

    Example: quickdata verify
    """
    from pipeline import deploy as verbs  # noqa: PLC0415 - its imports are slow

    async def verb(d: Deployment) -> None:
        d.report.proofs["verify"] = await verbs.verify(d)

    _on_aws(verb, "verify", ask, verbose)


def _on_aws(verb: Callable[[Deployment], Awaitable[None]], name: str, ask: bool, verbose: bool) -> None:
    from pipeline.aws import aws_deployment  # noqa: PLC0415 - its imports are slow
    from pipeline.settings import Settings  # noqa: PLC0415

    given = {"VAULT_PASSWORD": click.prompt("Vault password", hide_input=True)} if ask else {}

    async def begin(progress: Progress, report: Report) -> None:
        await verb(aws_deployment(Settings.read(**given), progress, report))

    _run(begin, name, "aws", verbose)


def _run(verb: Callable[[Progress, Report], Any], name: str, target: str, verbose: bool) -> None:
    started = time.monotonic()
    try:
        report = run(verb, name, target, REPORTS, verbose)
    except PipelineError as error:
        click.echo(f"✗ {name}: {error}", err=True)
        sys.exit(error.exit_code)
    _summary(report, time.monotonic() - started)


def _summary(report: Report, seconds: float) -> None:
    for name, value in report.proofs.items():
        click.echo(f"✓ proven: {name}: {_words(value)}")
    for text in report.not_proven:
        click.echo(f"- not proven here: {text}")
    click.echo(f"{report.verb}: done in {seconds:.0f} s; the report is {REPORTS / 'run.json'}")


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} {_words(each)}" for name, each in value.items() if each is not None)
