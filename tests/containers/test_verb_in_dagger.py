"""A job's variables on their way through .ci/verb-in-dagger to the module: missing, empty, with spaces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.module import Pipeline
from pipeline.runners.workbench import Workbench
from pipeline.targets.aws import local_states
from tests.support.calls import attempt, options
from tests.support.engine import Engine
from tests.support.hcl import users_variables
from tests.support.recording import RecordingRunner
from tests.support.verb_in_dagger import call, handed_over

VALUES = {
    "TF_VAR_bucket_suffix": "ppr",
    "TF_VAR_s3_bucket_base_name": "team-backups",
    "TF_VAR_admin_cidr": "203.0.113.7/32",
    "TF_VAR_domain": "data.example.org",
    "TF_VAR_workers": "1",
    "TF_VAR_open_nocodb_port": "true",
    "TF_VAR_instance_types": '{"database": "t3.large"}',
    "TF_VAR_disk_gib": '{"postgres": 40}',
    "TF_VAR_debian_release": "12",
    "TF_VAR_ami_id": "ami-0123456789abcdef0",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "s3cret-id",
    "AWS_SECRET_ACCESS_KEY": "s3cret-of-aws",
    "AWS_SESSION_TOKEN": "s3cret-of-sts",
    "VAULT_PASSWORD": "s3cret-of-the-vault",
    "QUICKDATA_STATE": "gitlab",
    "QUICKDATA_STATE_PASSPHRASE": "s3cret-of-the-states",
    "GITLAB_URL": "https://gitlab.example.org",
    "GITLAB_PROJECT": "7",
    "GITLAB_USER": "somebody",
    "GITLAB_PAT": "s3cret-of-gitlab",
}
FILES = ("QUICKDATA_SSH_KEY", "QUICKDATA_VAULT")
NEEDED = {
    "TF_VAR_bucket_suffix": "--bucket-suffix (TF_VAR_bucket_suffix): is not set; give a suffix",
    "TF_VAR_admin_cidr": "--admin-cidr (TF_VAR_admin_cidr): is not set; give the address range",
    "AWS_ACCESS_KEY_ID": "--aws-access-key-id (AWS_ACCESS_KEY_ID): is not given; give both halves",
    "AWS_SECRET_ACCESS_KEY": "missing: --aws-secret-access-key; set both halves",
    "VAULT_PASSWORD": "--vault-password (VAULT_PASSWORD): is not given; give the password, such as env://",
    "GITLAB_URL": "--gitlab-url (GITLAB_URL): is not set",
    "GITLAB_PROJECT": "--gitlab-project (GITLAB_PROJECT): is not set",
    "GITLAB_USER": "--gitlab-user belong together; give both",
    "GITLAB_PAT": "--gitlab-user are needed",
    "QUICKDATA_SSH_KEY": "--ssh-key (QUICKDATA_SSH_KEY): is not given; give the nodes' private key",
}
"""What is said of an input that a deployment cannot do without; the others may be missing."""
NO_SPACES = {
    "TF_VAR_bucket_suffix": "has a character that is not",
    "TF_VAR_s3_bucket_base_name": "has a character that is not",
    "TF_VAR_admin_cidr": "'a b' is not an IPv4 range",
    "TF_VAR_domain": "'a b' is not a host name",
    "TF_VAR_open_nocodb_port": "'a b' is not true or false",
    "TF_VAR_instance_types": "'a b' is not an object with types",
    "TF_VAR_disk_gib": "'a b' is not an object with sizes",
    "TF_VAR_debian_release": "'a b' is not a release of Debian",
    "TF_VAR_ami_id": "'a b' is not the ID of an image",
    "AWS_REGION": "'a b' (AWS_REGION) is not a region name",
    "QUICKDATA_STATE": "'a b' is not a place for states",
    "QUICKDATA_STATE_PASSPHRASE": "is too short",
    "GITLAB_URL": "'a b' is not the address",
    "GITLAB_PROJECT": "'a b' is not a GitLab project",
}
"""What is said of a value with a space in it; the others may have one."""


@dataclass
class Job:
    """A job's folder and its variables.

    Args:
        folder: where it runs.
        env: its variables.
    """

    folder: Path
    env: dict[str, str]

    def given(self, name: str, value: str | None) -> dict[str, Any]:
        """Run the script with another value, or without one; return what the module is handed."""
        env = {**self.env, name: value or ""}
        if value is None:
            del env[name]
        ended, argv = call(self.folder, env, "check")
        assert ended == 0
        return options("check") | handed_over(argv, env)


@pytest.fixture
def job(tmp_path: Path, key: str) -> Job:
    """A job in a folder with a space in its name; files are named by their paths."""
    folder = tmp_path / "a job"
    folder.mkdir()
    (folder / "key").write_text(key)
    return Job(folder, VALUES | {name: str(folder / "key") for name in FILES})


async def told(pipeline: Pipeline, given: dict[str, Any]) -> str:
    done = await attempt(pipeline, "check", given)
    assert done.error is not None
    assert done.error.exit_code == (1 if done.error.what == "reached" else 2)
    assert "s3cret" not in str(done.error)
    return str(done.error)


@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
@pytest.mark.parametrize("name", [*VALUES, *FILES])
async def test_an_input_that_is_missing_or_empty_is_named_by_its_option_if_it_is_needed(
    job: Job, request: pytest.FixtureRequest, reached: list[Any], name: str, value: str | None
) -> None:
    given = job.given(name, value)
    pipeline = request.getfixturevalue("pipeline")  # from here on, no process may start
    assert NEEDED.get(name, "reached") in await told(pipeline, given)


@pytest.mark.parametrize("name", [each for each in VALUES if each != "TF_VAR_workers"])
async def test_an_input_with_a_space_arrives_whole(
    job: Job, request: pytest.FixtureRequest, reached: list[Any], name: str
) -> None:
    """The number of workers does not arrive: the engine's command line takes a number only."""
    given = job.given(name, "a b")
    pipeline = request.getfixturevalue("pipeline")
    assert NO_SPACES.get(name, "reached") in await told(pipeline, given)


async def test_every_terraform_variable_of_a_job_reaches_opentofu(
    job: Job, request: pytest.FixtureRequest, reached: list[Any]
) -> None:
    job.env["TF_VAR_region"] = job.env.pop("AWS_REGION")
    variables = {name: value for name, value in job.env.items() if name.startswith("TF_VAR_")}
    assert variables.keys() == users_variables()
    given = job.given("AWS_DEFAULT_REGION", None)
    pipeline = request.getfixturevalue("pipeline")
    assert await told(pipeline, given) == "reached\n  → -"
    _, _, *inputs, _ = reached
    stack = local_states(*inputs, Workbench(RecordingRunner(), "tofu")).app
    assert {name: stack.env.get(name) for name in variables} == variables


async def test_files_whose_paths_have_a_space_arrive(
    job: Job, request: pytest.FixtureRequest, engine: Engine, reached: list[Any]
) -> None:
    given = job.given("TF_VAR_domain", None)
    pipeline = request.getfixturevalue("pipeline")
    assert await told(pipeline, given) == "reached\n  → -"
    assert await given["ssh_key"].plaintext() == (job.folder / "key").read_text()


@pytest.mark.parametrize("name", ["AWS_DEFAULT_REGION", "TF_VAR_region"])
async def test_a_space_in_another_variable_of_the_region_is_told_by_the_one_option(
    job: Job, request: pytest.FixtureRequest, reached: list[Any], name: str
) -> None:
    del job.env["AWS_REGION"]
    given = job.given(name, "a b")
    pipeline = request.getfixturevalue("pipeline")
    assert "--aws-region (AWS_REGION): 'a b' (AWS_REGION) is not a region name" in await told(pipeline, given)


def test_a_role_and_an_id_token_with_a_space_arrive_whole(job: Job, engine: Engine) -> None:
    job.env["AWS_ROLE_ARN"] = "a role"
    given = job.given("AWS_ID_TOKEN", "a token")
    assert given["aws_role_arn"] == "a role"
    assert given["aws_web_identity_token"] is not None
    assert "aws_access_key_id" not in given
