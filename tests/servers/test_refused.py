"""A step that must fail: what is shown and reported of it."""

from pathlib import Path

import pytest

from pipeline.deployment import run_and_record
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.host import HostRunner
from pipeline.steps.step import Step


@pytest.mark.parametrize(
    ("code", "mark", "outcome"),
    [(1, "✓", "refused, as expected"), (2, "✗", "done, but it should have been refused")],
    ids=["refused", "a plan with changes"],
)
async def test_a_step_that_must_fail_is_shown_and_reported_as_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: int, mark: str, outcome: str
) -> None:
    step = Step("storage: plan -destroy", ("bash", "-c", f"exit {code}"), stream="tofu-json", must_fail=True)
    report = Report("rehearse", "localstack")
    await run_and_record(HostRunner(tmp_path, {}, Progress()), report, step)
    shown = capsys.readouterr().err
    assert shown.startswith(mark)
    assert shown.rstrip().endswith(outcome)
    assert (report.steps[0]["exit_code"], report.steps[0]["summary"]) == (code, outcome)
