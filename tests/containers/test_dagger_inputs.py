"""The inputs of a call through Dagger: secrets read, one identity, nothing by the environment."""

import os
from dataclasses import replace
from typing import Any

import pytest
from dagger import dag

from pipeline.aws.web_identity import temporary_keys
from pipeline.containers import deployment as contained
from pipeline.containers import inputs
from pipeline.containers.inputs import read_inputs
from pipeline.containers.options import option_for_variable, variable
from pipeline.errors import PipelineError, SettingsError
from pipeline.module import Pipeline
from pipeline.servers.localstack import LocalStack
from pipeline.settings.profile import WebIdentity
from tests.support.calls import attempt, options
from tests.support.dagger_calls import PLAIN, Reached, given
from tests.support.engine import Engine

ROLE = "arn:aws:iam::000000000000:role/deployer"


KEYS = ("aws_access_key_id", "aws_secret_access_key")


async def test_every_secret_that_cannot_be_read_is_told_at_once(pipeline: Pipeline, engine: Engine) -> None:
    unset = {"aws_access_key_id": dag.secret("env://ONE"), "vault_password": dag.secret("env://TWO")}
    done = await attempt(pipeline, "check", options("check") | PLAIN | unset)
    assert isinstance(done.error, SettingsError)
    for told in ("--aws-access-key-id", "env://ONE", "--vault-password", "env://TWO"):
        assert told in done.error.what


@pytest.mark.parametrize("name", ["ssh_key", "aws_web_identity_token", "state_passphrase", "gitlab_pat"])
def test_a_secret_is_told_by_its_options_name(name: str) -> None:
    assert option_for_variable(variable(name)) == f"--{name.replace('_', '-')}"


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
    assert (given.identity, given.assumed) == (None, WebIdentity(ROLE, "of.the.job"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"aws_role_arn": ROLE}, "--aws-role-arn is only half of a web identity"),
        ({"aws_web_identity_token": "of.the.job"}, "--aws-web-identity-token is only half of a web identity"),
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


async def test_a_verb_that_needs_the_users_ports_says_where_to_type_it(pipeline: Pipeline) -> None:
    done = await attempt(pipeline, "tunnel", {})
    assert isinstance(done.error, SettingsError)
    assert done.error.fix == "type it at a terminal, in a checkout"


async def test_sts_is_asked_once_and_only_when_no_other_input_is_wrong(
    pipeline: Pipeline, engine: Engine, key: str, monkeypatch: pytest.MonkeyPatch, reached: list[Any]
) -> None:
    asked: list[str] = []

    async def keys(_: WebIdentity, region: str) -> dict[str, str]:
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
        await temporary_keys(WebIdentity(ROLE, "of.the.job"), "eu-west-3")
