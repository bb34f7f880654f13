"""What a report notes of steps, plans and errors, and when it writes its files."""

import json
from pathlib import Path

import pytest

from pipeline.errors import ToolError
from pipeline.reporting.report import JUNIT, LAST_LINES, PAGE, RUN, Report
from pipeline.steps.step import Result, Step
from pipeline.tofu.plan import Change
from tests.support.reports import at


def noted(step: Step, code: int, out: str = "", err: str = "") -> dict[str, object]:
    report = Report("deploy", "aws")
    report.record_result(Result(step, code, out, err, 1.0), at(0))
    return report.steps[0]


def play(host: str, task: str, changed: bool) -> str:
    event = {"_event": "v2_runner_on_ok", "task": {"name": task}, "hosts": {host: {"changed": changed}}}
    return json.dumps(event)


def test_a_failed_step_keeps_its_last_lines() -> None:
    lines = [f"line {n}" for n in range(50)]
    said = noted(Step("a", ("tool",)), 1, "\n".join(lines), "it broke\n")
    assert said["outcome"] == "failed"
    assert said["last_lines"] == [*lines[-LAST_LINES + 1 :], "it broke"]


def test_a_playbooks_failure_keeps_the_words_of_the_module() -> None:
    answer = {"task": {"name": "Copy"}, "hosts": {"database": {"msg": "no space"}}}
    out = json.dumps({"_event": "v2_runner_on_failed", **answer})
    said = noted(Step("a", ("ansible-playbook", "x.yml"), stream="ansible-jsonl"), 2, out)
    assert said["last_lines"] == ["database: runner_on_failed: Copy", "database: Copy: no space"]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (Step("a", ("tool",)), 0),
        (Step("a", ("tool",), private=True), 1),
        (Step("a", ("tool",), must_fail=True), 1),
        (Step("a", ("tofu", "plan"), stream="tofu-json"), 2),
    ],
    ids=["done", "private", "refused as it must be", "a plan with changes"],
)
def test_no_other_step_keeps_lines(step: Step, code: int) -> None:
    assert noted(step, code, "secret\n", "words\n")["last_lines"] == []


def test_a_refusal_that_was_asked_for_is_no_failure_and_its_absence_is_one() -> None:
    step = Step("a", ("tool",), must_fail=True)
    assert [noted(step, code)["outcome"] for code in (1, 0)] == ["refused", "failed"]


def test_an_interrupted_step_is_noted_as_one() -> None:
    report = Report("deploy", "aws")
    report.record_interruption(Step("a", ("tool",)), at(0))
    assert (report.steps[0]["outcome"], report.steps[0]["exit_code"]) == ("interrupted", None)


def test_a_playbook_keeps_what_it_changed_by_host() -> None:
    played = [("manager", "Install", True), ("database", "Install", False), ("manager", "Start", True)]
    said = noted(Step("a", ("ansible-playbook", "x.yml")), 0, "\n".join(play(*each) for each in played))
    assert said["changed"] == {"manager": ["Install", "Start"]}


def test_a_command_on_a_node_is_not_told_as_a_change() -> None:
    assert noted(Step("a", ("ansible", "all")), 0, play("manager", "command", True))["changed"] == {}


def test_a_plan_keeps_each_resource_with_its_action() -> None:
    report = Report("deploy", "aws")
    report.record_plan("app: plan", {"create": 1}, iter([Change("aws_instance.node", "create")]))
    assert report.plans[0]["resources"] == [{"address": "aws_instance.node", "action": "create"}]
    assert report.plans[0]["changes"] == ["create aws_instance.node"]


def test_an_error_keeps_cause_fix_and_last_lines_apart() -> None:
    report = Report("deploy", "aws")
    report.record_failure(ToolError("app: apply failed", "run again", "one\ntwo"))
    assert report.error is not None
    assert (report.error["cause"], report.error["fix"]) == ("app: apply failed", "run again")
    assert report.error["last_lines"] == ["one", "two"]
    assert report.error["what"] == "app: apply failed\n  → run again\n  | one\n  | two"


def test_a_run_that_begins_leaves_no_page_of_the_run_before(tmp_path: Path) -> None:
    before = Report("drill", "aws")
    before.prove("drill", "all came back")
    before.write(tmp_path)
    assert "Proven" in (tmp_path / PAGE).read_text()
    Report("deploy", "aws").begin(tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert "Not ended" in page
    assert "drill" not in page
    assert not (tmp_path / JUNIT).exists()
    assert json.loads((tmp_path / RUN).read_text())["exit_code"] is None


def test_a_report_that_ends_has_all_three_files(tmp_path: Path) -> None:
    Report("deploy", "aws").write(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {RUN, JUNIT, PAGE}
