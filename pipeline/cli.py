"""The verbs for people: `quickdata VERB`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.errors import PipelineError
from pipeline.progress import Progress
from pipeline.report import Report
from pipeline.run import run

REPORTS = Path(__file__).parents[1] / "reports"

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
        click.echo(f"– not proven here: {text}")
    click.echo(f"{report.verb}: done in {seconds:.0f} s; the report is {REPORTS / 'run.json'}")


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} {_words(each)}" for name, each in value.items() if each is not None)
