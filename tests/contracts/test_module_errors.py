"""The module's errors: one clear message, the verb's own exit code, no traceback, without an engine."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from dagger import dag

from pipeline.containers import verbs
from pipeline.containers.call import DaggerCall
from pipeline.containers.inputs import Given
from pipeline.errors import PlanRefused, ToolError, VerifyFailed
from pipeline.module import Pipeline
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.verbs.call import Call, Form
from pipeline.verbs.plan import Out
from tests.support.calls import FUNCTIONS, attempt, options
from tests.support.engine import Engine, query_error


@pytest.fixture
def pipeline() -> Pipeline:
    folder = dag.directory()
    return Pipeline(infrastructure=folder, locked=folder, package=folder, source=folder)


def fields(found: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(each.name, each.args) for each in found._ctx.selections]


async def test_bad_input_is_told_at_once_with_code_2_and_run_still_returns(
    pipeline: Pipeline, engine: Engine
) -> None:
    done = await attempt(pipeline, "check", options("check"))
    assert done.error is not None
    assert done.error.exit_code == 2
    assert "TF_VAR_bucket_suffix" in str(done.error)
    assert "dagger -m . call --bucket-suffix" in str(done.error)
    folder = await verbs.run(pipeline, "check", **options("check"))
    files = {args["path"]: args["contents"] for name, args in fields(folder) if name == "withNewFile"}
    assert files["exit-code"] == "2\n"
    assert json.loads(files["run.json"])["exit_code"] == 2
    assert "<failure" in files["junit.xml"]
    assert "<h1>" in files["index.html"]


@pytest.mark.parametrize("error", [None, PlanRefused("refused", "x")])
async def test_run_returns_what_a_verb_keeps_also_when_it_fails(
    pipeline: Pipeline, engine: Engine, monkeypatch: pytest.MonkeyPatch, error: PlanRefused | None
) -> None:
    states = dag.directory().with_new_file("terraform.tfstate", "{}")

    async def rehearse(call: Call) -> None:
        assert isinstance(call, DaggerCall)
        call.kept["state"] = states
        if error:
            raise error

    monkeypatch.setattr("pipeline.verbs.rehearse.rehearse", rehearse)
    folder = await verbs.run(pipeline, "rehearse", **options("rehearse"))
    written = {args["path"]: args for _, args in fields(folder) if "path" in args}
    assert written["exit-code"]["contents"] == ("3\n" if error else "0\n")
    assert written["state"]["source"] is states


@pytest.mark.parametrize("form", ["txt", "json", "html"])
async def test_an_answer_is_in_a_file_that_is_named_after_its_form(
    pipeline: Pipeline, engine: Engine, monkeypatch: pytest.MonkeyPatch, form: Form
) -> None:
    async def backups(call: Call) -> None:
        assert isinstance(call, DaggerCall)
        call.answer("answer", form)

    async def plan(call: Call, out: Out) -> None:
        await backups(call)
        call.report.findings.append("the human page")
        call.kept["plan"] = dag.directory()  # type: ignore[attr-defined]

    monkeypatch.setattr("pipeline.verbs.backups.backups", backups)
    monkeypatch.setattr("pipeline.verbs.plan.plan", plan)
    run = await verbs.run(pipeline, "backups", **options("backups"))
    kept = await verbs.verb_function("plan")(pipeline)
    for folder in (run, kept):
        written = {args["path"]: args["contents"] for _, args in fields(folder) if "path" in args}
        pages = {name: text for name, text in written.items() if name.startswith("page.")}
        assert pages == {f"page.{form}": "answer\n"}


async def test_an_unknown_verb_is_wrong_input(pipeline: Pipeline, engine: Engine) -> None:
    done = await attempt(pipeline, "explode", {})
    assert done.error is not None
    assert (done.error.exit_code, "rehearse" in done.error.fix) == (2, True)


@pytest.mark.parametrize(
    ("from_", "to", "said"),
    [
        ("local", "s3", "cannot keep local states"),
        ("s3", "s3", "the same place"),
        ("", "gitlab", "--from: '' is not"),
    ],
)
async def test_a_call_moves_no_local_state_and_none_to_where_it_is(
    pipeline: Pipeline, engine: Engine, from_: str, to: str, said: str
) -> None:
    given = options("migrate_state") | {"from_": from_, "to": to, "yes": True}
    done = await attempt(pipeline, "migrate-state", given)
    assert done.error is not None
    assert (done.error.exit_code, said in done.error.what) == (2, True)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("verify", "backup_id", "../12345"),
        ("backups", "database", "a/b"),
        ("restore", "from_database", ".."),
        ("restore", "from_database", "a{b"),
        ("drill", "max_age", -1.0),
        ("unlock", "stack", "both"),
        ("destroy", "without_backup", "other_db"),
        ("rehearse", "suffix", "under_score"),
    ],
)
async def test_a_value_that_no_option_can_have_is_refused_as_at_a_terminal(
    pipeline: Pipeline, engine: Engine, name: str, option: str, value: object
) -> None:
    done = await attempt(pipeline, name, options(name) | {option: value})
    assert done.error is not None
    assert done.error.exit_code == 2
    assert f"--{option.replace('_', '-')}: " in done.error.what


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("restore", "database", "other"),
        ("verify", "max_age", 26.0),
        ("deploy", "to", "gitlab"),
        ("check", "yes", True),
    ],
)
async def test_run_refuses_an_option_of_another_verb(
    pipeline: Pipeline, engine: Engine, name: str, option: str, value: object
) -> None:
    """`restore --database other` would restore the wrong backup over the live database."""
    done = await attempt(pipeline, name, options("run") | {option: value})
    assert done.error is not None
    assert done.error.exit_code == 2
    assert f"--{option.replace('_', '-')}: not an option of {name}" in done.error.what


async def test_run_refuses_an_emulator_where_the_nodes_have_to_last(
    pipeline: Pipeline, engine: Engine
) -> None:
    service = dag.container().with_exposed_port(4566).as_service()
    done = await attempt(pipeline, "verify", options("run") | {"emulator": service})
    assert done.error is not None
    assert "--emulator: verify needs the nodes of an earlier deployment" in done.error.what


async def test_two_failures_at_once_are_told_as_the_graver_one(pipeline: Pipeline, engine: Engine) -> None:
    both = ExceptionGroup(
        "unhandled", [PlanRefused("refused", "x"), ExceptionGroup("in", [VerifyFailed("differs", "y")])]
    )
    told = verbs.explain("deploy", both, {})
    assert str(told) == "differs\n  → y"
    assert told.exit_code == 4


async def test_an_image_that_is_missing_is_told_in_a_line(pipeline: Pipeline, engine: Engine) -> None:
    engine.broken = "failed to resolve source metadata for docker.io/library/nothing:1: not found"
    pipeline.toolbox_image = "nothing:1"
    done = await attempt(pipeline, "rehearse", options("rehearse"))
    assert done.error is not None
    assert "nothing:1" in done.error.what
    assert "Traceback" not in str(done.error)


async def test_a_toolbox_that_cannot_be_made_says_what_its_command_said(engine: Engine) -> None:
    values = {"cmd": ["pip"], "exitCode": 1, "stdout": "", "stderr": "ERROR: no matching distribution"}
    told = verbs.explain(
        "rehearse", query_error("process did not complete", _type="EXEC_ERROR", **values), {}
    )
    assert "no matching distribution" in str(told)


async def test_a_defect_says_where_it_is(pipeline: Pipeline) -> None:
    try:
        json.loads("{")
    except ValueError as error:
        assert "json" in verbs.explain("plan", error, {}).tail


async def test_a_failing_verb_shows_what_it_found(engine: Engine) -> None:
    with pytest.raises(SystemExit):
        await verbs.fail(
            "status", ToolError("these parts have a problem: nodes", "fix each"), "✓ bucket: there"
        )
    message = next(q for q in engine.queries if q[0].name == "error")[0]
    assert message.args["message"].splitlines()[-1] == "✓ bucket: there"


async def test_a_verbs_function_fails_with_what_it_found_and_no_secret_in_it(
    pipeline: Pipeline, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_self: Pipeline, name: str, given: Mapping[str, Any]) -> DaggerCall:
        done = DaggerCall(name, pipeline, given, Progress(), Report(name, "aws"))
        done.report.findings.append("✓ bucket: there, opened with s3cret-of-the-vault")
        done.error = ToolError("these parts have a problem: nodes", "fix each as it says")
        done._inputs = Given({"VAULT_PASSWORD": "s3cret-of-the-vault"}, {})
        return done

    monkeypatch.setattr(verbs, "attempt", failing)
    with pytest.raises(SystemExit):
        await FUNCTIONS["status"].wrapped(pipeline)
    message = next(q for q in engine.queries if q[0].name == "error")[0].args["message"]
    assert message.splitlines()[-1] == "✓ bucket: there, opened with ********"


async def test_a_failing_verb_ends_with_its_own_exit_code_and_lines(engine: Engine) -> None:
    with pytest.raises(SystemExit):
        await verbs.fail("deploy", PlanRefused("storage: plan refused", "change the code"))
    message, *values = next(q for q in engine.queries if q[0].name == "error")[:-1]
    assert message.args["message"] == "deploy: storage: plan refused\n  → change the code"
    assert {"name": "exitCode", "value": "3"} in [each.args for each in values]
    assert {"name": "_type", "value": '"EXEC_ERROR"'} in [each.args for each in values]
    assert engine.queries[-1][-1].name == "returnError"
