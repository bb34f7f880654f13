"""The first line of a run's end: what it proved, or that it did not."""

from pipeline.errors import (
    DoneInPart,
    Interrupted,
    NotConfirmed,
    PipelineError,
    PlanRefused,
    SettingsError,
)
from pipeline.reporting.headline import PROVES, claim
from pipeline.reporting.report import Report
from pipeline.units import clock


def verdict(report: Report, error: PipelineError | None, seconds: float) -> str:
    """Return what a run came to, in one line.

    Args:
        report: what it did.
        error: what ended it; None when it ended well.
        seconds: how long it took.
    """
    spent = clock(seconds)
    if error:
        return _failed(report, error, spent)
    if claimed := claim(report.verb, report.proofs):
        return f"PROVEN in {spent}: {claimed}"
    return f"DONE in {spent}: {report.verb}"


def _failed(report: Report, error: PipelineError, spent: str) -> str:
    if isinstance(error, NotConfirmed):
        return f"NOT DONE: {report.verb} was not confirmed"
    if isinstance(error, SettingsError) and not report.steps:
        return f"NOT STARTED: {report.verb} has a wrong or missing input"
    if isinstance(error, Interrupted):
        return f"INTERRUPTED after {spent}: {report.verb}"
    if isinstance(error, DoneInPart):
        return f"PROVEN IN PART in {spent}: {error.part}"
    if error.exit_code == PlanRefused.exit_code:
        return f"REFUSED after {spent}: {report.verb}"
    return f"{'NOT PROVEN' if report.verb in PROVES else 'FAILED'} after {spent}: {report.verb}"
