"""A verb called at a terminal: its inputs are the environment's, its work is done on this machine."""

import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio

from pipeline.aws.account import Cloud
from pipeline.cli import terminal
from pipeline.cli.run import run
from pipeline.deploy.agreement import Agree
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError
from pipeline.machine.files import write_whole
from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import PAGE, Report
from pipeline.reporting.verdict import verdict
from pipeline.settings.account import AccountSettings
from pipeline.settings.inputs import Settings
from pipeline.settings.profile import find_identity
from pipeline.steps.explanation import explained
from pipeline.steps.failures import with_fix
from pipeline.targets import aws
from pipeline.verbs.call import Form, Inputs

REPORTS = REPOSITORY / "reports"


@dataclass
class TerminalCall:
    """A call at a terminal.

    Args:
        progress: told of everything that happens.
        report: notes what is done and proven.
        given: inputs that are not in the environment, by the variables' names.
    """

    progress: Progress
    report: Report
    given: Mapping[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    exit_code: int = 0
    surroundings: None = None
    site: None = None

    async def read(self, kind: type[Inputs], **given: str) -> Inputs:
        """Return the validated inputs: the environment's, but for what was given."""
        return kind.read(**{**self.given, **given})

    @asynccontextmanager
    async def open_bucket(self) -> AsyncIterator[tuple[Cloud, str]]:
        """Yield the AWS of the inputs, and the name of its bucket."""
        settings = await self.read(AccountSettings)
        cloud = Cloud(settings.credentials, settings.region, identity=find_identity(settings.access_key))
        yield cloud, settings.bucket

    @asynccontextmanager
    async def deployment(self, settings: Settings | None = None) -> AsyncIterator[Deployment]:
        """Yield the deployment to AWS, from this machine."""
        yield aws.aws_deployment(settings or await self.read(Settings), self.progress, self.report)

    def answer(self, text: str, form: Form = "txt") -> None:
        """Print this instead of the report's findings; of a page, where it is."""
        self.answers.append(self._write_page(text) if form == "html" else text)

    def _write_page(self, text: str) -> str:
        page = REPORTS / f"{self.report.verb}.html"
        try:
            page.parent.mkdir(parents=True, exist_ok=True)
            write_whole(page, text)
        except OSError as error:
            raise with_fix(error) from None
        return f"the page is {page}"

    def require_answer(self, yes: bool) -> None:
        """Find out whether there is a terminal, if there may be a question."""
        terminal.require_answer(yes)

    async def confirm(self, question: str, yes: bool, shown: str = "") -> None:
        """Ask at the terminal; --yes has answered already."""
        if shown:
            self.progress.note(shown)
        if yes:
            self.progress.note(f"{question} --yes")
            return
        terminal.require_answer(yes)
        await terminal.confirm(self.progress, question)

    def agreement(self, yes: bool) -> Agree:
        """Return how `deploy` learns whether nodes may end."""
        return terminal.agreement(yes)


BoundVerb = Callable[[TerminalCall], Awaitable[None]]


def run_verb(
    verb: BoundVerb,
    name: str,
    verbose: bool,
    ask_vault_password: bool | None = None,
    state: str | None = None,
) -> None:
    """Run a verb, print what it found and proved, and exit with the error's code if it failed.

    Args:
        verb: takes the call.
        name: the verb's name.
        verbose: show the tools' own output.
        ask_vault_password: ask for it at the terminal.
        state: where the states are kept; None is as the environment says.
    """
    given = {"QUICKDATA_STATE": state} if state else {}
    started, calls, error = time.monotonic(), list[TerminalCall](), None

    async def work(progress: Progress, report: Report) -> None:
        calls.append(call := TerminalCall(progress, report, given))
        if ask_vault_password:
            call.given = {**given, **await terminal.vault_password(progress)}
        await verb(call)

    try:
        run(work, name, "localstack" if name == "rehearse" else "aws", REPORTS, verbose)
    except PipelineError as ended:
        error = ended
    for call in calls:
        print(verdict(call.report, error, time.monotonic() - started), file=sys.stderr)
        unwritten = call.progress.state.unwritten
        print(unwritten or f"The report is {REPORTS / PAGE}", file=sys.stderr)
        _print(call)
    with errors_told(name):
        if error:
            raise error
    if calls[0].exit_code:
        sys.exit(calls[0].exit_code)


def run_without_report(verb: BoundVerb, name: str, state: str | None = None) -> None:
    """Run a verb that changes nothing, and print its answer: no report is written.

    Args:
        verb: takes the call.
        name: the verb's name.
        state: where the states are kept; None is as the environment says.
    """
    given = {"QUICKDATA_STATE": state} if state else {}
    call = TerminalCall(Progress(), Report(name, "aws"), given)
    with errors_told(name):
        try:
            anyio.run(verb, call)
        except Exception as error:
            raise explained(error, os.environ) from None
    _print(call)


def _print(call: TerminalCall) -> None:
    if lines := call.report.lines(call.answers):
        print("\n".join(lines), flush=True)


@contextmanager
def errors_told(name: str) -> Iterator[None]:
    """Turn an error of the pipeline into its lines and its exit code."""
    try:
        yield
    except PipelineError as error:
        print(f"✗ {name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
