"""The Dagger module, without an engine: it loads, its verbs are the host's, errors keep their codes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from inspect import Parameter
from pathlib import Path
from typing import Any

import dagger
import pytest
from dagger import dag
from engine import Engine, engine, query_error

from pipeline import call, contained, images, module, toolbox, verbs
from pipeline.backends.s3 import S3
from pipeline.cli import main
from pipeline.errors import PlanRefused, VerifyFailed
from pipeline.module import Pipeline
from pipeline.rehearsal import services
from pipeline.rehearsal.workspace import REAL
from pipeline.settings import Settings
from pipeline.storage import Cloud

__all__ = ["engine"]
REPOSITORY = Path(__file__).parents[1]
CONFIGURATION = json.loads((REPOSITORY / "dagger.json").read_text())
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
FUNCTIONS = Pipeline.__dagger_object_type__.functions  # type: ignore[attr-defined]
ACTING = sorted({*call.VERBS, "run"})
SECRETS = ("aws_access_key_id", "aws_secret_access_key", "vault_password", "gitlab_pat", "ssh_key")


@pytest.fixture
def pipeline() -> Pipeline:
    folder = dag.directory()
    return Pipeline(infrastructure=folder, locked=folder, package=folder, source=folder)


def fields(found: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(each.name, each.args) for each in found._ctx.selections]


# Loading


def test_the_host_never_imports_dagger() -> None:
    code = (
        "import sys; from pipeline.cli import main; import pipeline.aws, pipeline.deploy, pipeline.host\n"
        "import pipeline.rehearsal.rehearse, pipeline.settings, pipeline.verbs, pipeline.report\n"
        "assert 'dagger' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_the_entry_point_is_what_dagger_loads() -> None:
    assert PROJECT["project"]["entry-points"]["dagger.mod"] == {"main_object": "pipeline.module:Pipeline"}
    assert CONFIGURATION["name"].capitalize() == Pipeline.__name__
    assert CONFIGURATION["sdk"] == {"source": "python"}


def test_the_lock_holds_the_version_of_the_engine_and_the_base_image_follows() -> None:
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text())
    version = next(each["version"] for each in lock["package"] if each["name"] == "dagger-io")
    assert CONFIGURATION["engineVersion"] == f"v{version}"
    python = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert f"python:{python}-slim" == images.TOOLBOX


def test_the_engine_installs_what_the_module_imports_and_nothing_else() -> None:
    """It runs `uv sync --no-dev`: default groups would bring hundreds of megabytes of tools."""
    assert PROJECT["tool"]["uv"]["default-groups"] == []
    assert not {"readme", "license", "license-files"} & PROJECT["project"].keys(), (
        "files that are not included"
    )


def test_every_file_that_the_package_reads_is_included() -> None:
    suffixes = {path.suffix for path in (REPOSITORY / "pipeline").rglob("*") if path.is_file()} - {".pyc"}
    included = {
        Path(pattern).suffix for pattern in CONFIGURATION["include"] if pattern.startswith("pipeline/")
    }
    assert suffixes == included


def test_the_uv_of_the_toolbox_is_that_of_the_makefile() -> None:
    assert f"UV_VERSION := {toolbox.UV_VERSION}\n" in (REPOSITORY / "Makefile").read_text()


async def test_every_function_registers_with_types_that_dagger_knows(engine: Engine) -> None:
    await dagger.mod.default_module()._typedefs()
    (registered,) = [[f.name for f in query] for query in engine.queries if query[0].name == "module"]
    assert registered == ["module", "withDescription", "withObject", "id"]
    functions = {q[0].args["name"] for q in engine.queries if q[0].name == "function"}
    assert functions == {*(name for name in FUNCTIONS), ""}


# The verbs


def test_every_verb_of_the_host_is_a_function() -> None:
    """But migrate-state, which moves states that a checkout has: containers have no checkout."""
    assert set(main.commands) - {"migrate-state"} <= set(FUNCTIONS)


def test_whatever_acts_is_never_cached() -> None:
    policies = {name: FUNCTIONS[name].cache_policy for name in ACTING}
    assert set(policies.values()) == {"never"}, policies


@pytest.mark.parametrize("name", ACTING)
def test_every_acting_function_explains_itself_and_its_options(name: str) -> None:
    found = FUNCTIONS[name]
    assert found.doc
    assert "\n    " not in found.doc
    assert not [p.name for p in found.parameters.values() if not p.doc]


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_secret_is_a_secret(name: str) -> None:
    for function in ("deploy", "run"):
        assert FUNCTIONS[function].parameters[name].resolved_type == dagger.Secret | None


def test_run_takes_every_option_of_every_verb() -> None:
    taken = set(FUNCTIONS["run"].parameters)
    assert taken == {"verb"}.union(*(FUNCTIONS[name].parameters for name in call.VERBS))
    kinds = {p.kind for p in FUNCTIONS["run"].signature.parameters.values() if p.name != "self"}
    assert kinds == {Parameter.KEYWORD_ONLY}


def test_the_infrastructure_comes_without_states_plans_and_passwords() -> None:
    constructor = Pipeline.__dagger_object_type__.get_constructor()  # type: ignore[attr-defined]
    folder = constructor.parameters["infrastructure"]
    assert folder.default_path == "/infrastructure"
    assert {"**/.terraform*", "**/*.tfstate*", "**/.env", "**/*.tfplan", "**/.secrets"} <= set(folder.ignore)


def test_the_linters_are_those_of_make_lint() -> None:
    said = (REPOSITORY / "Makefile").read_text()
    recipe = re.search(r"^lint:.*?\n\n", said, re.DOTALL | re.MULTILINE)
    assert recipe
    words = recipe[0].replace("$(PYTHON_FILES)", "pipeline tests benchmarks")
    for command in module.LINT:
        assert ".venv/bin/" + " ".join(word for word in command if word != ".ci/run") in words


def test_the_unit_tests_exist() -> None:
    assert [n for n in module.UNIT_TESTS if not (REPOSITORY / f"tests/test_{n}.py").exists()] == []


# Errors


async def test_bad_input_is_told_at_once_with_code_2_and_run_still_returns(
    pipeline: Pipeline, engine: Engine
) -> None:
    done = await pipeline.attempt("check", options("check"))
    assert done.error is not None
    assert done.error.exit_code == 2
    assert "TF_VAR_bucket_suffix" in str(done.error)
    assert "--vault-password env://" in str(done.error)
    folder = await call._always(pipeline, "check", **options("check"))
    files = {args["path"]: args["contents"] for name, args in fields(folder) if name == "withNewFile"}
    assert files["exit-code"] == "2\n"
    assert json.loads(files["run.json"])["exit_code"] == 2
    assert "<failure" in files["junit.xml"]


async def test_an_unknown_verb_is_wrong_input(pipeline: Pipeline, engine: Engine) -> None:
    done = await pipeline.attempt("explode", {})
    assert done.error is not None
    assert (done.error.exit_code, "rehearse" in done.error.mend) == (2, True)


@pytest.mark.parametrize("name", ["destroy", "restore", "unlock", "adopt"])
async def test_what_replaces_or_removes_wants_yes(pipeline: Pipeline, engine: Engine, name: str) -> None:
    done = await pipeline.attempt(name, options(name))
    assert done.error is not None
    assert done.error.exit_code == 2
    assert "--yes" in done.error.mend


async def test_two_failures_at_once_are_told_as_the_graver_one(pipeline: Pipeline, engine: Engine) -> None:
    both = ExceptionGroup(
        "unhandled", [PlanRefused("refused", "x"), ExceptionGroup("in", [VerifyFailed("differs", "y")])]
    )
    told = call.told("deploy", both)
    assert str(told) == "differs\n  → y"
    assert told.exit_code == 4


async def test_an_image_that_is_missing_is_told_in_a_line(pipeline: Pipeline, engine: Engine) -> None:
    engine.broken = "failed to resolve source metadata for docker.io/library/nothing:1: not found"
    done = await pipeline.attempt("rehearse", options("rehearse") | {"toolbox_image": "nothing:1"})
    assert done.error is not None
    assert "nothing:1" in done.error.what
    assert "Traceback" not in str(done.error)


async def test_a_toolbox_that_cannot_be_made_says_what_its_command_said(engine: Engine) -> None:
    values = {"cmd": ["pip"], "exitCode": 1, "stdout": "", "stderr": "ERROR: no matching distribution"}
    told = call.told("rehearse", query_error("process did not complete", _type="EXEC_ERROR", **values))
    assert "no matching distribution" in str(told)


async def test_a_defect_says_where_it_is(pipeline: Pipeline) -> None:
    try:
        json.loads("{")
    except ValueError as error:
        assert "json" in call.told("plan", error).tail


async def test_a_failing_verb_ends_with_its_own_exit_code_and_lines(engine: Engine) -> None:
    with pytest.raises(SystemExit):
        await call.fail("deploy", PlanRefused("storage: plan refused", "change the code"))
    message, *values = next(q for q in engine.queries if q[0].name == "error")[:-1]
    assert message.args["message"] == "deploy: storage: plan refused\n  → change the code"
    assert {"name": "exitCode", "value": "3"} in [each.args for each in values]
    assert {"name": "_type", "value": '"EXEC_ERROR"'} in [each.args for each in values]
    assert engine.queries[-1][-1].name == "returnError"


def options(name: str) -> dict[str, Any]:
    """What Dagger hands to a function of which nothing was given."""
    parameters = FUNCTIONS[name].signature.parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("self", "verb")}


# The containers


async def test_the_toolbox_is_made_of_two_images_and_the_lock(engine: Engine) -> None:
    made = await toolbox.toolbox(dag, toolbox.Wanted(), dag.directory(), dag.directory())
    chain = fields(made)
    assert [args["address"] for name, args in chain if name == "from"] == [images.TOOLBOX]
    execs = [args["args"] for name, args in chain if name == "withExec"]
    assert execs[-1][:4] == ["uv", "sync", "--quiet", "--frozen"]
    tofu = next(args for name, args in chain if name == "withFile")
    assert fields(tofu["source"])[1] == ("from", {"address": images.TOFU})


@pytest.mark.parametrize("image", [images.TOOLBOX, images.TOFU])
def test_images_are_pinned_by_version(image: str) -> None:
    assert re.search(r":\d+\.\d+", image)


async def test_a_closed_network_pulls_no_image_of_opentofu_and_checks_hashes(engine: Engine) -> None:
    binary = dag.directory().file("tofu")
    wanted = toolbox.Wanted(
        image="mine:3.11", tofu_binary=binary, index_url="https://pypi.example.org/simple"
    )
    chain = fields(await toolbox.toolbox(dag, wanted, dag.directory(), dag.directory()))
    assert ("from", {"address": "mine:3.11"}) in chain
    assert ("withEnvVariable", {"name": "UV_DEFAULT_INDEX", "value": wanted.index_url}) in chain
    assert any("--require-hashes" in args["args"] for name, args in chain if name == "withExec")
    assert next(args["source"] for name, args in chain if name == "withFile") is binary
    assert images.TOFU not in engine.words + str(chain)


async def test_inputs_become_the_variables_of_the_host(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    values = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "VAULT_PASSWORD": "vault"}
    values |= {"QUICKDATA_SSH_KEY": "-----KEY-----\n"}
    secrets = {name: dag.set_secret(name, value) for name, value in values.items()}
    engine.secrets.update(values)
    inputs = call.Inputs(
        bucket_suffix="ppr",
        admin_cidr="203.0.113.7/32",
        aws_access_key_id=secrets["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=secrets["AWS_SECRET_ACCESS_KEY"],
        vault_password=secrets["VAULT_PASSWORD"],
        ssh_key=secrets["QUICKDATA_SSH_KEY"],
    )
    known = await contained.environment(inputs.given)
    settings = contained.validated(Settings)
    assert (settings.bucket_suffix, settings.vault_password) == ("ppr", "vault")
    assert settings.ssh_key.read_text() == values["QUICKDATA_SSH_KEY"]
    assert known["vault"] is secrets["VAULT_PASSWORD"]


async def test_a_verb_on_aws_runs_from_its_arguments_alone(
    pipeline: Pipeline, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The check of real tools with a real key and a real vault; only AWS itself is not asked."""
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in ("PATH", "HOME")})
    monkeypatch.setattr(Cloud, "account", nobody)
    monkeypatch.setattr(Cloud, "owns", nobody)
    monkeypatch.setattr(S3, "lock", nobody)
    monkeypatch.setattr(S3, "exists", nobody)
    tofu = (
        shutil.which("tofu") or shutil.which("terraform") or pytest.skip("neither tofu nor terraform is here")
    )
    engine.places |= {toolbox.TOFU: tofu}
    lay_down(tmp_path)
    values = {"ssh_key": (tmp_path / "key").read_text(), "vault_password": "open-sesame"}
    values |= {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret-of-aws"}
    given = options("check") | {name: dag.set_secret(name, value) for name, value in values.items()}
    given |= {"bucket_suffix": "ppr", "admin_cidr": "203.0.113.7/32"}
    done = await pipeline.attempt("check", given)
    assert done.error is None, str(done.error)
    assert "vault.yml opens with the password" in done.summary()
    assert list((tmp_path / "workspace").iterdir()) == []
    assert not [name for name, value in values.items() if value.strip() in engine.words]


def lay_down(tmp_path: Path) -> None:
    """Lay down the infrastructure with a vault, and a key."""
    shutil.copytree(REPOSITORY / "infrastructure", tmp_path / "source", ignore=shutil.ignore_patterns(*REAL))
    (tmp_path / "workspace").mkdir()
    vault = tmp_path / "source/ansible/group_vars/all/vault.yml"
    vault.write_text("vault_db_password: x")
    (tmp_path / "password").write_text("open-sesame")
    encrypt = [Path(sys.executable).with_name("ansible-vault"), "encrypt", "--vault-password-file"]
    subprocess.run([*encrypt, str(tmp_path / "password"), str(vault)], check=True, capture_output=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)


async def nobody(*_: Any) -> None:
    """What an account says in which there is nothing."""


def test_a_service_is_reached_by_its_ip_address() -> None:
    assert services.address("http://localhost:4566") == "127.0.0.1"


def test_the_verbs_are_described_once() -> None:
    for name in ("check", "plan", "deploy", "verify", "backup", "restore", "destroy", "status"):
        assert FUNCTIONS[name].doc.startswith((getattr(verbs, name).__doc__ or "").splitlines()[0])
