"""What the command line or Dagger gives to a verb. Each type of call says which inputs the verb reads."""

from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, TypeVar

from pipeline.aws.account import Cloud
from pipeline.backups.site import OpenSite
from pipeline.deploy.agreement import Agree
from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import OpenSurroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.settings.account import AccountSettings
from pipeline.settings.inputs import Settings

Inputs = TypeVar("Inputs", bound=AccountSettings)
Form = Literal["txt", "json", "html"]
"""Of an answer: words, JSON, or a page for a browser."""


class Call(Protocol):
    """A call of a verb that reads no inputs."""

    progress: Progress
    report: Report

    @property
    def surroundings(self) -> OpenSurroundings | None:
        """Where the servers of a rehearsal run; None means this machine."""


class AccountCall(Call, Protocol):
    """A call of a verb that reads the inputs for the bucket, and no others."""

    def open_bucket(self) -> AbstractAsyncContextManager[tuple[Cloud, str]]:
        """Yield the AWS that the inputs name, and the name of the bucket there.

        Raises:
            SettingsError: an input is missing or wrong.
        """

    @property
    def site(self) -> OpenSite | None:
        """Where a drill runs; None means this machine."""

    def answer(self, text: str, form: Form = "txt") -> None:
        """Print a text on standard output when the verb has ended, instead of the report's findings.

        A terminal writes a page to `reports/VERB.html` and prints its path. Dagger returns the page.

        Args:
            text: the answer.
            form: the form of the text.

        Raises:
            PipelineError: the page cannot be written.
        """


class DeploymentCall(AccountCall, Protocol):
    """A call of a verb that works on a deployment to AWS."""

    exit_code: int
    """The exit code of the process, when the verb ends without an error."""

    async def read(self, kind: type[Inputs], **given: str) -> Inputs:
        """Return the validated inputs.

        Args:
            kind: which inputs to read.
            given: the values that the verb itself sets, by the name of their variable.

        Raises:
            SettingsError: one or more inputs are wrong; the error names them all.
        """

    def deployment(self, settings: Settings | None = None) -> AbstractAsyncContextManager[Deployment]:
        """Open the deployment that the inputs describe.

        Args:
            settings: the inputs; None reads them.

        Raises:
            PipelineError: an input is missing or wrong, or a tool cannot be found or downloaded.
        """

    def require_answer(self, yes: bool) -> None:
        """Make sure, before the verb does anything, that the operator can answer a question.

        Args:
            yes: --yes was given.

        Raises:
            SettingsError: --yes was not given, and there is no terminal to ask at.
        """

    async def confirm(self, question: str, yes: bool, shown: str = "") -> None:
        """Ask before something is replaced or removed.

        Args:
            question: says what would happen.
            yes: --yes was given: the question is not asked, only noted with its answer.
            shown: what the operator needs for the answer; it is shown first, with --yes too.

        Raises:
            PipelineError: the answer is no, or there is no terminal to ask at.
        """

    def agreement(self, yes: bool) -> Agree:
        """Return how `deploy` asks whether it may remove nodes.

        Args:
            yes: --yes was given.
        """


class DrillCall(DeploymentCall, Protocol):
    """A call of a verb that reads the inputs for the bucket, and with --physical those of a deployment."""


class MigrationCall(DeploymentCall, Protocol):
    """A call of a verb whose own options say where the states are kept."""


class NodesCall(DeploymentCall, Protocol):
    """A call of a verb that reaches the nodes by SSH from a terminal, without a playbook and its vault."""
