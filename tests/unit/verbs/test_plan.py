"""The verb plan at a terminal: its exit codes, and the folder that it takes."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner

from pipeline.cli import console, main
from pipeline.deploy.preview import preview
from tests.support.previews import (
    KEPT,
    QUIET,
    growing,
    stats,
)
from tests.support.recording import (
    RecordingRunner,
    deployment,
    plan_json,
)


def typed(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], *arguments: str
) -> tuple[int, str, RecordingRunner]:
    """Type `quickdata plan` where a recording runner stands for AWS."""
    runner = RecordingRunner(QUIET | answers)

    d = deployment(runner)
    monkeypatch.setattr(console, "run", lambda work, *_: anyio.run(work, d.progress, d.report))
    monkeypatch.setattr(console.TerminalCall, "deployment", lambda _: nullcontext(d))
    done = CliRunner().invoke(main, ["plan", *arguments])
    return done.exit_code, done.stdout if "--json" in arguments else done.output, runner


REFUSED = {
    "storage: plan": (2, ""),
    "storage: read plan": (0, plan_json(("aws_s3_bucket.backups", "delete"))),
}


@pytest.mark.parametrize(
    ("answers", "options", "code"),
    [
        ({}, ["--detailed-exitcode"], 0),
        (growing(), [], 0),
        (growing(), ["--detailed-exitcode"], 2),
        ({"ansible: ping": (4, "")}, ["--detailed-exitcode"], 2),
        ({"ansible: swarm.yml --check": (0, stats(1))}, ["--detailed-exitcode"], 2),
        (REFUSED, [], 3),
        (REFUSED, ["--detailed-exitcode"], 3),
    ],
)
def test_the_exit_code_tells_changes_only_when_asked_and_a_refusal_always(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: dict[str, Any], options: list[str], code: int
) -> None:
    ended, said, _ = typed(monkeypatch, answers, "--out", str(tmp_path / "new"), *options)
    assert ended == code, said
    assert "what costs money:" in said
    assert "gate:" in said


@pytest.mark.parametrize(
    ("answers", "options", "code"),
    [({}, [], 0), (growing(), ["--detailed-exitcode"], 2), (REFUSED, [], 3)],
)
def test_as_json_nothing_but_one_document_is_printed_and_the_exit_code_is_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: dict[str, Any], options: list[str], code: int
) -> None:
    ended, said, _ = typed(monkeypatch, answers, "--out", str(tmp_path / "new"), "--json", *options)
    assert ended == code
    printed = json.loads(said)
    assert (printed["changes"], printed["allowed"]) == (code > 0, code < 3)


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine").touch()
    code, said, runner = typed(monkeypatch, {}, "--out", str(tmp_path))
    assert (code, runner.steps) == (2, [])
    assert "files that are not a plan" in said


OURS = {"manifest.json": '{"format": 1, "made_for": {}}', "plan.json": "{}", "app.tfplan": ""}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, 0),
        (OURS, 0),
        (OURS | {"index.html": ""}, 2),
        (OURS | {"manifest.json": '{"name": "a web app", "icons": []}'}, 2),
        (OURS | {"manifest.json": "[]"}, 2),
        (OURS | {"manifest.json": ""}, 2),
        ({"plan.json": "{}"}, 2),
    ],
)
def test_a_folder_is_taken_when_it_is_empty_or_holds_plans_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], code: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ended, said, runner = typed(monkeypatch, {}, "--out", str(tmp_path))
    assert ended == code, said
    assert (code == 0) == bool(runner.steps)


def test_a_folder_that_cannot_be_looked_into_is_wrong_input(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said, runner = typed(monkeypatch, {}, "--out", "x" * 300)
    assert (code, runner.steps) == (2, [])
    assert "cannot be read (File name too long)" in said


@pytest.mark.parametrize("wrong", [REFUSED, {"app: plan": (1, "")}])
@pytest.mark.parametrize("made", ["install: creating directory '/kept'\n", ""])
async def test_a_folder_that_was_made_for_a_plan_that_is_not_kept_goes_again(
    wrong: dict[str, Any], made: str
) -> None:
    runner = RecordingRunner(QUIET | wrong | {"plan: folder": (0, made)})
    try:
        assert (await preview(deployment(runner), KEPT)).refusals
    except ExceptionGroup:
        assert wrong is not REFUSED
    gone = [step.command[-1] for step in runner.steps if step.command[0] == "rmdir"]
    assert gone == (["/kept"] if made else [])


def test_deploy_wants_a_folder_that_is_there() -> None:
    assert CliRunner().invoke(main, ["deploy", "--plan", "/no/such/folder"]).exit_code == 2
