"""A call that acts on AWS: options become inputs, secrets stay the engine's own; without an engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dagger import dag

from pipeline.containers import deployment as contained
from pipeline.containers import services
from pipeline.containers.call import DaggerCall
from pipeline.containers.emulator import emulator
from pipeline.containers.parameters import PLANS, own_values
from pipeline.containers.toolbox import TOFU, Toolbox, ToolboxSources
from pipeline.containers.verbs import explain, run
from pipeline.deploy.agreement import note_agreement, refuse
from pipeline.errors import SettingsError
from pipeline.module import Pipeline
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.verbs import verb
from tests.support.calls import attempt, configured
from tests.support.dagger_calls import Reached, given
from tests.support.engine import Engine


async def test_states_are_never_plain_where_a_passphrase_was_given(
    pipeline: Pipeline, engine: Engine, key: str, tmp_path: Path
) -> None:
    """Terraform would write them so, and say nothing."""
    engine.lay_down()
    engine.program(TOFU, "echo 'Terraform v1.11.4'; echo 'on linux_amd64'")
    done = await attempt(pipeline, "check", given("check", ssh_key=key, state_passphrase="p" * 16))
    assert isinstance(done.error, SettingsError)
    assert "the toolbox has Terraform v1.11.4" in done.error.what


async def test_a_deployment_from_containers_keeps_no_local_state(
    pipeline: Pipeline, engine: Engine, key: str
) -> None:
    """Its containers go with the call, and the state with them."""
    done = await attempt(pipeline, "deploy", given("deploy", ssh_key=key, state="local"))
    assert isinstance(done.error, SettingsError)
    assert "cannot keep local states" in done.error.what


def laid_down(box: Toolbox, name: str) -> dict[str, Any]:
    (laid,) = [each.args for each in box.infrastructure._ctx.selections if each.name == name]
    return dict(laid)


async def test_the_vault_that_a_call_names_is_laid_down(
    pipeline: Pipeline, engine: Engine, key: str, reached: list[Any]
) -> None:
    vault = dag.directory().file("vault.yml")
    await attempt(pipeline, "deploy", given("deploy", ssh_key=key, vault=vault))
    laid = laid_down(reached[0], "withFile")
    assert (laid["path"], laid["source"]) == ("ansible/group_vars/all/vault.yml", vault)


async def test_a_plan_that_was_shown_is_what_is_deployed(
    pipeline: Pipeline,
    engine: Engine,
    key: str,
    reached: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = dag.directory().with_new_file("plan.json", "{}")
    await attempt(pipeline, "deploy", given("deploy", ssh_key=key, plan=plan))
    laid = laid_down(reached[0], "withDirectory")
    assert laid["source"] is plan
    assert Path("infrastructure", laid["path"]) == Path(PLANS)
    for each in (plan, None):
        assert own_values(verb("deploy"), {"plan": each})["plan"] == (PLANS if each else None)


class Reporting:
    """As much of a deployment as a plan that is stood in for needs."""

    def __init__(self, report: Any) -> None:
        self.report = report


class Previews:
    """A preview that finds one thing to add."""

    async def preview(self, *_: Any) -> "Previews":
        return self

    def page(self) -> str:
        return "1 to add"

    def require_allowed(self) -> None:
        pass


async def test_run_returns_the_plan(
    pipeline: Pipeline, engine: Engine, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []

    class Runner:
        async def keep(self, *paths: Any) -> Any:
            kept.extend(paths)
            return dag.directory()

    @asynccontextmanager
    async def deployment(*arguments: Any) -> AsyncIterator[Any]:
        yield Reporting(arguments[-2]), Runner()

    monkeypatch.setattr("pipeline.verbs.plan.preview", Previews().preview)
    monkeypatch.setattr(contained, "deployment", deployment)
    returned = await run(configured(pipeline, given("plan", ssh_key=key)), "plan")
    assert kept == [PLANS]
    (laid,) = [each.args for each in returned._ctx.selections if each.name == "withDirectory"]
    assert laid["path"] == "plan"


async def test_the_report_says_which_tools_the_toolbox_has(
    pipeline: Pipeline, engine: Engine, key: str, reached: list[Any]
) -> None:
    """The module itself runs without them."""
    pipeline.commit = "0123abcd"
    done = await attempt(pipeline, "check", given("check", ssh_key=key))
    facts = done.report.document()["facts"]
    assert facts["commit"] == "0123abcd"
    assert facts["versions"]["ansible-core"]
    assert facts["locks"]["uv.lock"]


async def test_a_toolbox_that_cannot_tell_its_tools_stops_nothing(
    pipeline: Pipeline, engine: Engine, key: str, reached: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contained, "FACTS", ("python", "-c", "raise SystemExit('no such module')"))
    done = await attempt(pipeline, "check", given("check", ssh_key=key))
    assert done.error is not None
    assert done.error.what == "reached"


async def test_what_reaches_a_step_is_the_callers_own_secret(
    pipeline: Pipeline, engine: Engine, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of a secret that is made here would be part of what the engine remembers an exec by."""
    engine.lay_down()
    held: dict[str, Any] = {}

    def recorded(_mounted: Any, secrets: Any, *_: Any) -> Any:
        held.update(secrets)
        raise Reached("reached", "-")

    monkeypatch.setattr(contained, "ContainerRunner", recorded)
    arguments = given("deploy", ssh_key=key)
    done = await attempt(pipeline, "deploy", arguments)
    assert done.error is not None, done.error
    assert done.error.what == "reached", done.error
    assert held == {
        "AWS_ACCESS_KEY_ID": arguments["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": arguments["aws_secret_access_key"],
        "VAULT_PASSWORD": arguments["vault_password"],
        "ANSIBLE_PRIVATE_KEY_FILE": arguments["ssh_key"],
    }


async def test_a_key_with_windows_line_ends_is_used_as_it_is(
    pipeline: Pipeline, engine: Engine, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.lay_down()
    asked: list[Any] = []

    async def public(_toolbox: Any, secret: Any) -> str:
        asked.append(secret)
        raise Reached("reached", "-")

    monkeypatch.setattr(contained, "_public_half", public)
    arguments = given("check", ssh_key=key.replace("\n", "\r\n"))
    done = await attempt(pipeline, "check", arguments)
    assert asked == [arguments["ssh_key"]], str(done.error)


def test_a_defect_never_says_the_errors_own_words() -> None:
    """Those of a KeyError are the key, which may be a secret."""
    told = explain("deploy", KeyError("-----KEY-----"), {})
    assert "KEY-----" not in str(told)


@pytest.mark.parametrize(("yes", "agree"), [(False, refuse), (True, note_agreement)])
def test_under_dagger_yes_is_the_answer(pipeline: Pipeline, yes: bool, agree: object) -> None:
    report = Report("deploy", "aws")
    assert DaggerCall("deploy", pipeline, {}, Progress(), report).agreement(yes) is agree


@pytest.mark.parametrize("name", ["destroy", "restore", "adopt", "migrate_state"])
async def test_what_replaces_or_removes_wants_yes_before_a_toolbox_is_made(
    pipeline: Pipeline, engine: Engine, key: str, name: str
) -> None:
    own = {"adopt": {"stack": "app"}, "migrate_state": {"from_": "s3", "to": "gitlab"}}.get(name, {})
    own["gitlab_url"] = "https://gitlab.example.org"
    gitlab = {"gitlab_project": "7", "gitlab_user": "ppr", "gitlab_pat": dag.set_secret("pat", "token")}
    engine.secrets["pat"] = "token"
    done = await attempt(pipeline, name.replace("_", "-"), given(name, ssh_key=key, **own, **gitlab))
    assert done.error is not None
    assert (done.error.exit_code, "--yes" in done.error.fix) == (2, True), str(done.error)
    assert not [f for chain in engine.queries for f in chain if f.name == "from"]


async def test_a_note_in_the_progress_names_the_call(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    done = await attempt(pipeline, "no-verb", {})
    done.progress.note("`quickdata restore --id 0123abcd` restores this data")
    assert "dagger -m . call … restore --backup-id 0123abcd" in capsys.readouterr().err


async def test_a_question_that_nobody_can_answer_says_what_it_is_about(pipeline: Pipeline) -> None:
    call = DaggerCall("unlock", pipeline, {}, Progress(), Report("unlock", "aws"))
    with pytest.raises(SettingsError, match="locked by somebody, since yesterday"):
        await call.confirm("Remove this lock?", yes=False, shown="app: locked by somebody, since yesterday")


async def test_the_caller_of_an_emulator_is_reached_by_a_forwarder(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine does not route the address of a caller's service to containers."""
    service = dag.container().with_exposed_port(4566).as_service()
    monkeypatch.setattr(services, "address", lambda _: "10.87.0.9")
    box = Toolbox(dag, dag.container(), ToolboxSources(), dag.directory())
    async with emulator(box, service, "eu-west-3") as aws:
        assert aws.endpoint == "http://10.87.0.9:4566"
        (bound,) = [each.args for each in engine.started[-1] if each.name == "withServiceBinding"]
        assert "asService" in str(bound["service"])
