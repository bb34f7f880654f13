"""What a deployment to AWS hands to OpenTofu."""

from pathlib import Path

import pytest

from pipeline.deployment import Deployment
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.workbench import Workbench
from pipeline.settings.inputs import Settings
from pipeline.targets.aws import local_states
from tests.support.hcl import users_variables
from tests.support.recording import RecordingRunner

OTHERS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "VAULT_PASSWORD": "vault"}
VARIABLES = {
    "TF_VAR_bucket_suffix": "ppr",
    "TF_VAR_s3_bucket_base_name": "team-backups",
    "TF_VAR_region": "eu-central-1",
    "TF_VAR_admin_cidr": "203.0.113.7/32",
    "TF_VAR_domain": "data.example.org",
    "TF_VAR_workers": "1",
    "TF_VAR_open_nocodb_port": "true",
    "TF_VAR_instance_types": '{database = "t3.large"}',
    "TF_VAR_disk_gib": "{postgres = 40}",
    "TF_VAR_debian_release": "12",
    "TF_VAR_ami_id": "ami-0123456789abcdef0",
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A terminal whose variables are these alone."""
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me")
    named = OTHERS | VARIABLES | {"HOME": str(tmp_path), "QUICKDATA_SSH_KEY": str(tmp_path / "key")}
    monkeypatch.setattr("os.environ", named)
    return monkeypatch


def deployed() -> Deployment:
    bench = Workbench(RecordingRunner(), "tofu")
    return local_states(Settings.read(), Progress(), Report("deploy", "aws"), bench)


def test_every_terraform_variable_of_a_terminal_reaches_opentofu(terminal: pytest.MonkeyPatch) -> None:
    assert VARIABLES.keys() == users_variables()
    env = deployed().app.env
    assert {name: env.get(name) for name in VARIABLES} == VARIABLES


@pytest.mark.parametrize("name", ["TF_VAR_ami_id", "TF_VAR_disk_gib", "TF_VAR_debian_release"])
def test_an_empty_terraform_variable_is_as_one_that_is_not_set(
    terminal: pytest.MonkeyPatch, name: str
) -> None:
    """OpenTofu would take an empty text as the value."""
    terminal.setenv(name, "")
    assert name not in deployed().app.env


def test_a_playbook_gets_no_key_of_aws(terminal: pytest.MonkeyPatch) -> None:
    d = deployed()
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= {*d.app.secrets}
    step = d.ansible.playbook("swarm.yml")
    assert not [name for name in (*step.env, *step.secrets, *step.secret_files) if name.startswith("AWS")]
