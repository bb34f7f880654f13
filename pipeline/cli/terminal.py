"""What every verb does at a terminal: read the inputs, ask, run, tell what came out, exit with the code."""

import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import click

from pipeline.cli.run import Work, run
from pipeline.deploy.agreement import Agree, agreed, refused
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError
from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.tofu.plan import Change

REPORTS = REPOSITORY / "reports"

OnAws = Callable[[Deployment], Awaitable[None]]


@dataclass(frozen=True)
class Question:
    """What a verb asks when the inputs are known to be good, before anything is done.

    Args:
        words: returns the question, and may show first what would be done; empty is no question.
        yes: the answer was given on the command line.
    """

    words: Callable[[], str]
    yes: bool


def require_answer(yes: bool) -> None:
    """Find out before anything is done that a question could not be asked.

    Args:
        yes: the answer was given on the command line.

    Raises:
        click.UsageError: it was not, and there is no terminal.
    """
    if not yes and not _at_a_terminal():
        raise click.UsageError("this asks first, and there is no terminal to ask at: give --yes")


def confirm(question: str, yes: bool) -> None:
    """Ask before something is replaced or removed.

    Args:
        question: what would happen.
        yes: the answer was given on the command line.

    Raises:
        SystemExit: with 1 when the answer is no.
    """
    require_answer(yes)
    if not yes and not click.confirm(question, err=True):
        click.echo("✗ not confirmed: nothing was done", err=True)
        raise SystemExit(1)


def agreement(yes: bool) -> Agree:
    """Return how `deploy` learns whether nodes may end.

    Args:
        yes: the answer was given on the command line.
    """
    if yes:
        return agreed
    return _asked if _at_a_terminal() else refused


async def _asked(d: Deployment, ended: Sequence[Change]) -> None:
    """Ask in the middle of a run; an interrupt ends the question as it ends everything else.

    Raises:
        PipelineError: the answer is no.
    """
    listed = "\n".join(f"  {change}" for change in ended)
    with d.progress.paused():
        click.echo(f"The plan takes these away, and what is only on their disks is lost:\n{listed}", err=True)
        click.echo("Continue? [y/N]: ", nl=False, err=True)
        await anyio.wait_readable(sys.stdin)
        answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes"):
        raise PipelineError("not confirmed: the app is as it was", "to go on, run it again and answer y")


def _at_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()  # None where it was closed


def vault_password(ask: bool) -> dict[str, str]:
    """Return the vault's password by its variable's name, typed at the terminal; nothing if not asked for."""
    if not ask:
        return {}
    if not _at_a_terminal():
        raise click.UsageError(
            "there is no terminal to ask at: set VAULT_PASSWORD or ANSIBLE_VAULT_PASSWORD_FILE"
        )
    return {"VAULT_PASSWORD": str(click.prompt("Vault password", hide_input=True, err=True))}


def on_aws(
    verb: OnAws,
    name: str,
    given: Mapping[str, str],
    verbose: bool,
    question: Question | None = None,
    look: OnAws | None = None,
) -> None:
    """Run a verb on the deployment that the environment describes.

    Args:
        verb: what to do.
        name: the verb's name.
        given: inputs that are not in the environment, by the variables' names.
        verbose: show the tools' own output.
        question: is asked first; where it cannot be asked, nothing is looked at either.
        look: changes nothing, and comes before the question, which may show what it found.
    """
    from pipeline.settings.inputs import Settings  # noqa: PLC0415
    from pipeline.targets.aws import aws_deployment  # noqa: PLC0415 - its imports are slow

    with errors_told(name):
        settings = Settings.read(**given)
    if question:
        require_answer(question.yes)

    def on_deployment(what: OnAws) -> Work:
        async def begin(progress: Progress, report: Report) -> None:
            await what(aws_deployment(settings, progress, report))

        return begin

    if look:
        with errors_told(name):
            run(on_deployment(look), f"{name}: look", "aws", REPORTS, verbose)
    if question and (words := question.words()):
        confirm(words, question.yes)
    run_and_tell(on_deployment(verb), name, "aws", verbose)


def run_and_tell(verb: Work, name: str, target: str, verbose: bool) -> None:
    """Run a verb, tell what it proved, and exit with the error's code if it failed."""
    started = time.monotonic()
    with errors_told(name):
        report = run(verb, name, target, REPORTS, verbose)
    for about, proof in report.proofs.items():
        click.echo(f"✓ {about}: {proof['words']}")
    for text in report.not_proven:
        click.echo(f"- not proven here: {text}")
    seconds = time.monotonic() - started
    click.echo(f"{name}: done in {seconds:.0f} s; the report is {REPORTS / 'run.json'}", err=True)


@contextmanager
def errors_told(name: str) -> Iterator[None]:
    """Turn an error of the pipeline into its lines and its exit code."""
    try:
        yield
    except PipelineError as error:
        click.echo(f"✗ {name}: {error}", err=True)
        sys.exit(error.exit_code)
