"""A call that acts on AWS: options become inputs, secrets stay the engine's own; without an engine."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagger import dag

from pipeline.aws.web_identity import temporary_keys
from pipeline.containers import deployment as contained
from pipeline.containers import inputs, services, verbs
from pipeline.containers.call import DaggerCall
from pipeline.containers.emulator import emulator
from pipeline.containers.inputs import read_inputs
from pipeline.containers.options import option_of, variable
from pipeline.containers.parameters import PLANS, own_values
from pipeline.containers.toolbox import TOFU, Toolbox, ToolboxSources
from pipeline.containers.verbs import explain, run
from pipeline.deploy.agreement import note_agreement, refuse
from pipeline.errors import PipelineError, SettingsError
from pipeline.module import Pipeline
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.localstack import LocalStack
from pipeline.verbs import verb
from tests.support.calls import attempt, configured, options
from tests.support.engine import Engine
from tests.support.ssh_keys import lay_key, require_keygen

PLAIN = {"bucket_suffix": "ppr", "admin_cidr": "203.0.113.7/32", "aws_region": "eu-central-1"}
SECRETS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "of-aws", "vault_password": "sesame"}


ROLE = "arn:aws:iam::000000000000:role/deployer"
KEYS = ("aws_access_key_id", "aws_secret_access_key")


class Reached(PipelineError):  # noqa: N818 - says what happened
    """The deployment was about to be used."""


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setattr(services, "START_LIMIT", 5.0)
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in ("PATH", "HOME")})
    folder = dag.directory()
    return Pipeline(infrastructure=folder, locked=folder, package=folder, source=folder)


@pytest.fixture
def key(tmp_path: Path) -> str:
    require_keygen()
    lay_key(tmp_path / "key")
    return (tmp_path / "key").read_text()


def given(name: str, **more: Any) -> dict[str, Any]:
    """Return what a call of a verb is handed, its secrets by the engine's own."""
    secrets = {
        each: dag.set_secret(each, more.pop(each, value))
        for each, value in (SECRETS | {e: "" for e in ("ssh_key", "state_passphrase") if e in more}).items()
    }
    return options(name) | PLAIN | secrets | more


async def test_every_secret_that_cannot_be_read_is_told_at_once(pipeline: Pipeline, engine: Engine) -> None:
    unset = {"aws_access_key_id": dag.secret("env://ONE"), "vault_password": dag.secret("env://TWO")}
    done = await attempt(pipeline, "check", options("check") | PLAIN | unset)
    assert isinstance(done.error, SettingsError)
    for told in ("--aws-access-key-id", "env://ONE", "--vault-password", "env://TWO"):
        assert told in done.error.what


@pytest.mark.parametrize("name", ["ssh_key", "aws_web_identity_token", "state_passphrase", "gitlab_pat"])
def test_a_secret_is_told_by_its_options_name(name: str) -> None:
    assert option_of(variable(name)) == f"--{name.replace('_', '-')}"


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
    assert "no local state" in done.error.what


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stop where every verb on AWS has its deployment, and note what it was made of."""
    found: list[Any] = []

    @asynccontextmanager
    async def deployment(*arguments: Any) -> AsyncIterator[Any]:
        found.extend(arguments)
        raise Reached("reached", "-")
        yield

    monkeypatch.setattr(contained, "deployment", deployment)
    return found


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
    pipeline: Pipeline,
    engine: Engine,
    key: str,
    reached: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The module itself runs without them."""
    monkeypatch.setattr(verbs, "facts", lambda _: {"commit": None, "locks": {}, "versions": {}})
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


async def test_a_secret_of_the_call_is_in_no_error_and_in_no_report(
    pipeline: Pipeline, engine: Engine, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise PipelineError("the vault says: sesame is wrong", "-")

    engine.lay_down()
    monkeypatch.setattr(contained, "deployment", failing)
    done = await attempt(pipeline, "check", given("check", ssh_key=key))
    assert "is wrong" in str(done.error)
    assert "sesame" not in str(done.error) + "".join(done.report.files().values())


async def test_a_role_is_assumed_with_the_web_identity_and_nothing_goes_by_the_environment(
    pipeline: Pipeline, engine: Engine, localstack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator's STS takes any token; the region is the one that was given."""
    endpoint = {"AWS_ENDPOINT_URL": localstack.endpoint}
    monkeypatch.setattr(os, "environ", {**os.environ, **endpoint})
    token = dag.set_secret("aws_web_identity_token", "of.the.job")
    engine.secrets["aws_web_identity_token"] = "of.the.job"
    read = await read_inputs(replace(pipeline, **PLAIN, aws_role_arn=ROLE, aws_web_identity_token=token))
    given = await read.assume_role("eu-central-1")
    assert {name for name in given.values if name.startswith("AWS_")} == {
        *("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    }
    assert not [name for name in os.environ if name.startswith(("TF_VAR_", "AWS_ACCESS", "AWS_WEB"))]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"aws_role_arn": ROLE}, "--aws-role-arn is half of a web identity"),
        ({"aws_web_identity_token": "of.the.job"}, "--aws-web-identity-token is half of a web identity"),
        (
            {"aws_role_arn": ROLE, "aws_web_identity_token": "of.the.job"},
            "--aws-role-arn and --aws-access-key-id, --aws-secret-access-key are two identities",
        ),
    ],
)
async def test_half_a_web_identity_and_one_beside_keys_are_refused(
    pipeline: Pipeline, engine: Engine, more: dict[str, str], said: str
) -> None:
    secret = {name: dag.set_secret(name, value) for name, value in more.items() if name.endswith("token")}
    done = await attempt(pipeline, "check", given("check") | more | secret)
    assert isinstance(done.error, SettingsError)
    assert done.error.what == said


async def test_sts_is_asked_once_and_only_when_no_other_input_is_wrong(
    pipeline: Pipeline, engine: Engine, key: str, monkeypatch: pytest.MonkeyPatch, reached: list[Any]
) -> None:
    asked: list[str] = []

    async def keys(_role: str, _token: str, region: str) -> dict[str, str]:
        asked.append(region)
        return dict.fromkeys(inputs.KEYS, "temporary")

    monkeypatch.setattr(inputs, "temporary_keys", keys)
    engine.lay_down()
    token = dag.set_secret("aws_web_identity_token", "of.the.job")
    role = {"aws_role_arn": ROLE, "aws_web_identity_token": token}
    call = given("destroy", ssh_key=key) | dict.fromkeys(KEYS) | role | {"yes": True}
    done = await attempt(pipeline, "destroy", call | {"admin_cidr": "here"})
    assert "TF_VAR_admin_cidr" in str(done.error)
    assert "AWS_ACCESS_KEY_ID" not in str(done.error)
    assert asked == []
    done = await attempt(pipeline, "destroy", call)
    assert isinstance(done.error, Reached), str(done.error)
    assert asked == ["eu-central-1"]
    assert reached[2].access_key == "temporary"


async def test_a_role_that_cannot_be_assumed_is_wrong_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    with pytest.raises(SettingsError, match="cannot be assumed with the web identity"):
        await temporary_keys(ROLE, "of.the.job", "eu-west-3")


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
