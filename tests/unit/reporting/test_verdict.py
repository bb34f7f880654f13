"""The first line of a run's end claims what was proven, and no more."""

import pytest

from pipeline.errors import (
    DeployedInPart,
    Interrupted,
    NotConfirmed,
    PipelineError,
    PlanRefused,
    RestoredInPart,
    SettingsError,
    VerifyFailed,
)
from pipeline.reporting.report import Report
from pipeline.reporting.verdict import PROVES, verdict
from pipeline.verbs import NAMES

ERRORS = {
    VerifyFailed: "NOT PROVEN after 2:14: verify",
    PlanRefused: "REFUSED after 2:14: verify",
    Interrupted: "INTERRUPTED after 2:14: verify",
    NotConfirmed: "NOT DONE: verify was not confirmed",
    SettingsError: "NOT STARTED: verify has a wrong or missing input",
    RestoredInPart: "PROVEN IN PART in 2:14: the rows are live, with objects missing or defined otherwise",
    DeployedInPart: (
        "PROVEN IN PART in 2:14: all is deployed and verified, but physical backups are not in order"
    ),
}


@pytest.mark.parametrize("verb", NAMES)
def test_only_a_verb_that_has_proven_something_says_so(verb: str) -> None:
    report = Report(verb, "aws")
    assert verdict(report, None, 134) == f"DONE in 2:14: {verb}"
    report.prove(verb, "42 rows compared")
    assert verdict(report, None, 134).startswith("PROVEN in 2:14: ") is (verb in PROVES)


def test_a_recovery_that_was_not_compared_is_done_and_not_proven() -> None:
    report = Report("restore", "aws")
    report.prove("recovery", "readable; no proof for that moment", compared=False)
    assert verdict(report, None, 134) == "DONE in 2:14: restore"


@pytest.mark.parametrize(("error", "said"), ERRORS.items())
def test_a_failure_is_never_called_proven(error: type[PipelineError], said: str) -> None:
    report = Report("verify", "aws")
    report.prove("verify", "42 rows compared")
    assert verdict(report, error("what", "fix"), 134) == said


def test_a_verb_that_proves_nothing_fails() -> None:
    error = PipelineError("what", "fix")
    assert verdict(Report("backup", "aws"), error, 3) == "FAILED after 3 s: backup"
    late = Report("backup", "aws", steps=[{"name": "app: plan"}])
    assert verdict(late, SettingsError("what", "fix"), 3) == "FAILED after 3 s: backup"
