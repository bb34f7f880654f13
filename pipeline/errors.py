"""Every error of the pipeline: what happened, and what to do about it.

    PipelineError           1  failed
    ├── SettingsError       2  wrong input
    ├── ToolError           1
    │   └── NodeStopped     1
    ├── PlanRefused         3  refused by a gate
    ├── BucketTaken         3
    ├── StateLost           3
    ├── StateElsewhere      3
    ├── RegionDiffers       3
    ├── ServerLacks         3
    ├── StateLocked         1
    ├── NotConfirmed        1
    ├── BackupError         1
    ├── VerifyFailed        4  verification failed
    ├── DoneInPart          5  done and proven, but not all of it
    │   ├── RestoredInPart  5  restored, but objects are missing or have other definitions
    │   └── DeployedInPart  5  deployed and verified, but physical backups are not in order
    └── Interrupted       130

Exit code 0 means done.
"""

from collections.abc import Iterable, Iterator
from typing import Self

OTHER_REGIONS = " (and AWS_DEFAULT_REGION, TF_VAR_region, if you set them)"
"""Follows AWS_REGION in advice. Under Dagger it is left out: one option sets all three variables."""
FIX_BELOW = "fix the cause in the lines below, then run again"
"""Advice for an error with a tail."""


class PipelineError(Exception):
    """Something that a user can fix.

    Args:
        what: what happened and where, in one line.
        fix: what to do about it, in one line.
        tail: the tool's own last lines, if a tool failed.
    """

    exit_code = 1

    def __init__(self, what: str, fix: str, tail: str = "") -> None:
        super().__init__(what)
        self.what, self.fix, self.tail = what, fix, tail

    def __str__(self) -> str:
        """The error as a terminal shows it: what happened, the fix, then the tool's last lines."""
        lines = [self.what, f"  → {self.fix}"]
        return "\n".join(lines + [f"  | {line}" for line in self.tail.splitlines()])


class SettingsError(PipelineError):
    """One or more inputs are missing or malformed."""

    exit_code = 2


class ToolError(PipelineError):
    """A tool ended with an exit code that means failure."""


class PlanRefused(PipelineError):  # noqa: N818 - a refusal is not an error of the program
    """The gate read a plan that must not be applied."""

    exit_code = 3


class BucketTaken(PipelineError):  # noqa: N818 - a refusal is not an error of the program
    """The bucket's name belongs to another account."""

    exit_code = 3


class StateLost(PipelineError):  # noqa: N818 - a refusal is not an error of the program
    """A state does not contain resources that exist in AWS."""

    exit_code = 3


class StateElsewhere(PipelineError):  # noqa: N818 - a refusal is not an error of the program
    """The states are not in the place that was given."""

    exit_code = 3


class RegionDiffers(PipelineError):  # noqa: N818 - a refusal is not an error of the program
    """The deployment is not in the region that was given."""

    exit_code = 3

    @classmethod
    def between(cls, thing: str, there: str, asked: str) -> Self:
        """Return the error for a thing that is in one region when another region was given."""
        what = f"{thing} is in {there}, but the given region is {asked}"
        return cls(what, f"nothing was changed; set AWS_REGION{OTHER_REGIONS} to {there}")


class ServerLacks(PipelineError):  # noqa: N818 - says what was found
    """The server of a drill lacks what the database needs: nothing was restored."""

    exit_code = 3


class NodeStopped(ToolError):  # noqa: N818 - says what happened
    """A node is stopped in EC2: nothing can be deployed to it."""


class StateLocked(PipelineError):  # noqa: N818 - says what happened
    """Another run holds a state's lock, or left it behind."""


class NotConfirmed(PipelineError):  # noqa: N818 - says what happened
    """The answer to a question was no."""


class BackupError(PipelineError):
    """Backups cannot be read, or there are none."""


class VerifyFailed(PipelineError):  # noqa: N818 - says what failed
    """The restored backup differs from its manifest, or there was nothing to verify."""

    exit_code = 4


class DoneInPart(PipelineError):  # noqa: N818 - says what happened
    """The verb has done and proven its work, but not all of it.

    Attributes:
        part: what is done and what is not, in one line.
    """

    exit_code = 5
    part = "not all is done"


class RestoredInPart(DoneInPart):
    """The rows are restored and live, but some objects are missing or have other definitions."""

    part = "the rows are live, with objects missing or defined otherwise"


class DeployedInPart(DoneInPart):
    """Everything runs and a backup was verified, but physical backups are not in order."""

    part = "all is deployed and verified, but physical backups are not in order"


class Interrupted(PipelineError):  # noqa: N818 - says what happened
    """The user or a scheduler ended the run."""

    exit_code = 130


def listed(head: str, texts: Iterable[str]) -> str:
    """Return several texts below one line, each indented."""
    return "\n".join([head, *(f"  {line}" for text in texts for line in text.splitlines())])


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors inside nested exception groups, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def most_telling(error: BaseException) -> BaseException:
    """Return the one error to show: the pipeline error with the highest exit code, or any other error."""
    errors = list(leaves(error))
    ours = [e for e in errors if isinstance(e, PipelineError)]
    return max(ours, key=lambda e: e.exit_code) if ours else errors[0]
