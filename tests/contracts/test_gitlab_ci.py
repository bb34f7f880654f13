"""GitLab's jobs: valid, expanded as GitLab would, and calling the verbs with secrets by name only."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.deploy.saved_plans import COUNTS
from pipeline.machine.repository import REPOSITORY
from tests.support.calls import FUNCTIONS
from tests.support.verbs import COMMANDS

VARIANTS = ("dagger", "host")
STAGES = ["check", "test", "rehearse", "plan", "deploy", "verify"]
COUNTED = f"reports/plan/{COUNTS}"
ON_AWS = ("plan", "deploy", "verify", "drill")


@pytest.fixture(scope="module", params=VARIANTS)
def expanded(request: pytest.FixtureRequest, gitlab_ci_local: str, checkout: Path) -> dict[str, Any]:
    command = [gitlab_ci_local, "--preview", "--variable", f"QUICKDATA_RUNNER={request.param}"]
    said = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = yaml.safe_load(said.partition("---\n")[2])
    return found | {"variant": request.param}


def test_it_is_what_gitlab_accepts() -> None:
    command = ["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", ".gitlab-ci.yml"]
    files = sorted(map(str, (REPOSITORY / ".ci").glob("*.gitlab-ci.yml")))
    subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:], *files], cwd=REPOSITORY, check=True
    )


def test_the_stages_come_in_order(expanded: dict[str, Any]) -> None:
    assert [stage for stage in expanded["stages"] if not stage.startswith(".")] == STAGES


def test_every_job_is_one_call_of_a_verb_on_the_chosen_runner(expanded: dict[str, Any]) -> None:
    script = {"dagger": ".ci/verb-in-dagger", "host": ".ci/verb-on-host"}[expanded["variant"]]
    for name in ("rehearse", *ON_AWS):
        assert expanded[name]["script"] == [f"{script} $VERB $OPTIONS"]
        assert expanded[name]["variables"]["VERB"] == name
        assert name in COMMANDS


def test_deploy_is_manual_alone_and_on_the_default_branch_only(expanded: dict[str, Any]) -> None:
    deploy = expanded["deploy"]
    assert deploy["resource_group"] == expanded["verify"]["resource_group"]
    *never, last = deploy["rules"]
    assert [rule["when"] for rule in never] == ["never"]
    assert last["when"] == "manual"
    assert last["allow_failure"] is False, "verify would run before anybody has deployed"
    assert deploy["environment"] in ("production", {"name": "production"})
    assert "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in last["if"]
    assert deploy["interruptible"] is False


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_merge_request_even_of_a_fork_runs_what_needs_no_secret(
    gitlab_ci_local: str, checkout: Path, variant: str
) -> None:
    given = {"QUICKDATA_RUNNER": variant, "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": ""}
    words = [word for name, value in given.items() for word in ("--variable", f"{name}={value}")]
    # a member may run it in this project, whose variables it then has
    words += ["--variable", "TF_VAR_bucket_suffix=ppr"]
    said = subprocess.run(
        [gitlab_ci_local, "--list", *words], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout
    table = said.partition("name ")[2].splitlines()[1:]
    assert [line.split()[0] for line in table] == ["lint", "test", "rehearse"]


@pytest.mark.parametrize("name", ["lint", "test", "rehearse"])
def test_what_a_merge_request_runs_asks_for_no_token(expanded: dict[str, Any], name: str) -> None:
    assert "id_tokens" not in expanded[name]
    assert "AWS" not in str(expanded[name].get("variables"))


def test_no_job_is_cut_off_by_a_new_commit() -> None:
    """A job that is leaves a lock on the state behind."""
    written = yaml.safe_load((REPOSITORY / ".gitlab-ci.yml").read_text())
    assert written["workflow"]["auto_cancel"] == {"on_new_commit": "none"}


def test_the_runner_is_no_variable_of_the_file() -> None:
    """There, `include: rules` would not see it: whoever changed it would change nothing."""
    written = yaml.safe_load((REPOSITORY / ".gitlab-ci.yml").read_text())
    assert "QUICKDATA_RUNNER" not in written["variables"]
    assert any("QUICKDATA_RUNNER" in rule["if"] for each in written["include"] for rule in each["rules"])


def test_every_option_of_a_job_is_one_of_its_verb_on_both_runners(expanded: dict[str, Any]) -> None:
    for name in ("rehearse", *ON_AWS):
        options = expanded[name]["variables"].get("OPTIONS") or ""
        words = {word for word in options.split() if word.startswith("--")}
        assert words <= {word for each in COMMANDS[name].params for word in each.opts}, name
        assert words <= {f"--{each.replace('_', '-')}" for each in FUNCTIONS[name].parameters}, name
    assert "--max-age" in expanded["drill"]["variables"]["OPTIONS"]


def test_docker_in_docker_is_spoken_to_by_tls_only(expanded: dict[str, Any]) -> None:
    if expanded["variant"] == "dagger":
        for name in ("lint", "rehearse", *ON_AWS):
            found = expanded[name]["variables"]
            assert found["DOCKER_HOST"] == "tcp://docker:2376"
            assert found["DOCKER_TLS_VERIFY"] == "1"
            assert found["DOCKER_CERT_PATH"] == f"{found['DOCKER_TLS_CERTDIR']}/client"


def test_the_host_keeps_its_provider_and_how_long_runs_took(expanded: dict[str, Any]) -> None:
    if expanded["variant"] == "host":
        for name in ("rehearse", *ON_AWS):
            found = expanded[name]
            (cache,) = found["cache"] if isinstance(found["cache"], list) else [found["cache"]]
            assert cache["paths"] == [".cache/", "reports/history.json"]
            for variable in ("XDG_CACHE_HOME", "TF_PLUGIN_CACHE_DIR"):
                assert "/.cache" in found["variables"][variable]


def test_a_schedule_runs_the_drill_and_nothing_else(expanded: dict[str, Any]) -> None:
    for name in ("lint", "test", "rehearse", *ON_AWS):
        first = expanded[name]["rules"][0]
        runs = first["if"].startswith('$CI_PIPELINE_SOURCE == "schedule"') and first.get("when") != "never"
        assert runs is (name == "drill"), name


def test_artefacts_are_reports_only(expanded: dict[str, Any]) -> None:
    for name in ("rehearse", *ON_AWS):
        found = expanded[name]["artifacts"]
        assert found["paths"] == ["reports/index.html", "reports/run.json"]
        assert found["expose_as"] == "Quickdata report"
        assert found["when"] == "always"
        assert found["reports"]["junit"] in ("reports/junit.xml", ["reports/junit.xml"])
        kinds = {"junit"} | ({"terraform"} if name == "plan" else set())
        assert set(found["reports"]) == kinds
    assert expanded["plan"]["artifacts"]["reports"]["terraform"] in (COUNTED, [COUNTED])


def test_a_web_identity_is_offered_wherever_aws_is_asked(expanded: dict[str, Any]) -> None:
    for name in ON_AWS:
        assert expanded[name]["id_tokens"]["AWS_ID_TOKEN"]["aud"] == "$CI_SERVER_URL"


def test_the_dagger_cli_is_the_modules_version(expanded: dict[str, Any]) -> None:
    version = json.loads((REPOSITORY / "dagger.json").read_text())["engineVersion"].removeprefix("v")
    if expanded["variant"] == "dagger":
        assert expanded["rehearse"]["variables"]["DAGGER_VERSION"] == version
    devcontainer = json.loads((REPOSITORY / ".devcontainer/devcontainer.json").read_text())
    assert devcontainer["containerEnv"]["DAGGER_VERSION"] == version
