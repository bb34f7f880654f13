"""What a door (the console, or Dagger) gives to a verb. Each kind of call says which inputs are read."""

from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, TypeVar

from pipeline.aws.account import Cloud
from pipeline.backups.site import OpenSite
from pipeline.deploy.agreement import Agree
from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import OpenSurroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.settings.inputs import AccountSettings, Settings

Inputs = TypeVar("Inputs", bound=AccountSettings)
Form = Literal["txt", "json", "html"]
"""Of an answer: words, JSON, or a page for a browser."""


class Call(Protocol):
    """A call of a verb that reads no inputs."""

    progress: Progress
    report: Report

    @property
    def surroundings(self) -> OpenSurroundings | None:
        """Where a rehearsal's servers run; None is this machine."""


class AccountCall(Call, Protocol):
    """A call of a verb that reads what it takes to read the bucket."""

    def open_bucket(self) -> AbstractAsyncContextManager[tuple[Cloud, str]]:
        """Yield the AWS of the inputs, and the name of its bucket.

        Raises:
            SettingsError: an input is missing or wrong.
        """

    @property
    def site(self) -> OpenSite | None:
        """Where a drill happens; None is this machine."""

    def answer(self, text: str, form: Form = "txt") -> None:
        """Print this, and not the report's findings, on standard output when the verb has ended.

        A terminal writes a page to `reports/VERB.html`, and prints where it is; a call of Dagger returns it.

        Args:
            text: the answer.
            form: what the text is.

        Raises:
            PipelineError: the page cannot be written.
        """


class DeploymentCall(AccountCall, Protocol):
    """A call of a verb that works on a deployment to AWS."""

    exit_code: int
    """The process's, when the verb ends without an error."""

    async def read(self, kind: type[Inputs], **given: str) -> Inputs:
        """Return the validated inputs.

        Args:
            kind: which inputs are wanted.
            given: what the verb itself sets, by the variables' names.

        Raises:
            SettingsError: with every problem.
        """

    def deployment(self, settings: Settings | None = None) -> AbstractAsyncContextManager[Deployment]:
        """Open the deployment that the inputs describe.

        Args:
            settings: the inputs; None reads them.

        Raises:
            PipelineError: an input is missing or wrong, or the tools cannot be had.
        """

    def require_answer(self, yes: bool) -> None:
        """Find out before anything is done whether a question could be asked.

        Args:
            yes: --yes was given.

        Raises:
            SettingsError: it was not, and there is nobody to ask.
        """

    async def confirm(self, question: str, yes: bool, shown: str = "") -> None:
        """Ask before something is replaced or removed.

        Args:
            question: names what would happen.
            yes: --yes was given: then question and answer are noted.
            shown: what the answer depends on; it is shown first, whatever the answer is.

        Raises:
            PipelineError: the answer is no, or nobody can be asked.
        """

    def agreement(self, yes: bool) -> Agree:
        """Return how `deploy` learns whether nodes may end.

        Args:
            yes: --yes was given.
        """


class MigrationCall(DeploymentCall, Protocol):
    """A call of a verb on a deployment that itself names the places of the states."""
