"""Where the states shall be kept: the inputs, all problems at once, and what is made of them."""

import os
import sys
from pathlib import Path

import click
import pytest

from pipeline.cli import terminal
from pipeline.errors import SettingsError
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.settings.inputs import Settings
from pipeline.targets import aws
from pipeline.tofu import binary as tools
from pipeline.tofu.backends.base import Backend, override_text
from pipeline.tofu.backends.gitlab import GitLab
from pipeline.tofu.backends.local import Local
from pipeline.tofu.backends.s3 import S3
from tests.support.recording import RecordingRunner, deployment

GITLAB = {
    "QUICKDATA_STATE": "gitlab",
    "GITLAB_URL": "https://gitlab.example.org/",
    "GITLAB_PROJECT": "team/quickdata",
    "GITLAB_USER": "me",
    "GITLAB_PAT": "canary-pat",
}


@pytest.fixture(autouse=True)
def course(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "GITLAB_", "QUICKDATA_STATE", "TF_VAR_", "ANSIBLE_")):
            monkeypatch.delenv(name)
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me")
    values = {
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "TF_VAR_bucket_suffix": "PPR",
        "TF_VAR_admin_cidr": "203.0.113.7/32",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret-key-of-nobody",
        "VAULT_PASSWORD": "vault-password-of-nobody",
        "QUICKDATA_SSH_KEY": str(tmp_path / "key"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def problems(**given: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        Settings.read(**given)
    assert caught.value.exit_code == 2
    assert "canary" not in str(caught.value)
    lines = [line.strip().partition(": ") for line in caught.value.what.splitlines()[1:]]
    return {name: said for name, _, said in lines}


def backend(settings: Settings) -> Backend:
    return aws.backend(settings, settings.state, deployment(RecordingRunner()))


def test_without_a_word_the_states_are_local() -> None:
    settings = Settings.read()
    found = backend(settings)
    assert isinstance(found, Local)
    assert override_text(found, "app") is None


def test_s3_is_a_bucket_beside_the_backups_with_a_lock() -> None:
    settings = Settings.read(QUICKDATA_STATE="s3")
    found = backend(settings)
    assert isinstance(found, S3)
    assert found.bucket == "quickdata-pg-backups-storage-bucket-ppr-tfstate"
    text = override_text(found, "app") or ""
    assert 'backend "s3"' in text
    assert 'key = "app/terraform.tfstate"' in text
    assert "use_lockfile = true" in text


def test_gitlab_is_addressed_as_its_documentation_says_and_the_token_is_nowhere() -> None:
    settings = Settings.read(**GITLAB)
    found = backend(settings)
    assert isinstance(found, GitLab)
    text = override_text(found, "storage") or ""
    address = "https://gitlab.example.org/api/v4/projects/team%2Fquickdata/terraform/state"
    assert f'  address = "{address}/quickdata-ppr-storage"' in text
    assert f'unlock_address = "{address}/quickdata-ppr-storage/lock"' in text
    assert "canary" not in text + repr(found) + str(found.source("storage")) + str(found.env)


def test_all_that_gitlab_needs_is_asked_for_at_once() -> None:
    found = problems(QUICKDATA_STATE="gitlab")
    assert set(found) == {"GITLAB_URL", "GITLAB_PROJECT", "GITLAB_PAT"}
    assert all("; export" in said or "export both" in said for said in found.values())
    assert set(problems(QUICKDATA_STATE_FROM="gitlab")) == set(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITLAB_URL", "http://gitlab.example.org"),
        ("GITLAB_URL", "gitlab.example.org"),
        ("GITLAB_URL", "https://me:canary@gitlab.example.org"),
        ("GITLAB_URL", "https://gitlab.example.org:x"),
        ("GITLAB_URL", "file:///etc/passwd"),
        ("GITLAB_URL", "https://[x"),
        ("GITLAB_PROJECT", "quickdata"),
        ("GITLAB_PROJECT", "team/../x y"),
        ("QUICKDATA_STATE", "git"),
        ("QUICKDATA_STATE_PASSPHRASE", "canary-short"),
    ],
)
def test_a_malformed_input_is_named(name: str, value: str) -> None:
    assert list(problems(**GITLAB | {name: value})) == [name]


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "http://localhost:8080", "https://gitlab.com"])
def test_only_this_machine_may_be_asked_without_tls(address: str) -> None:
    assert Settings.read(**GITLAB | {"GITLAB_URL": address}).gitlab_url == address


def test_the_longest_suffix_for_s3_is_shorter_by_the_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_VAR_bucket_suffix", "x" * 19)
    settings = Settings.read(QUICKDATA_STATE="s3")
    found = backend(settings)
    assert isinstance(found, S3)
    assert len(found.bucket) == 63
    monkeypatch.setenv("TF_VAR_bucket_suffix", "x" * 20)
    assert "at most 19 characters" in problems(QUICKDATA_STATE="s3")["QUICKDATA_STATE"]
    assert Settings.read().bucket_suffix == "x" * 20


def test_a_base_name_that_leaves_no_room_for_the_ending_is_what_has_to_be_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TF_VAR_bucket_suffix", "x")
    monkeypatch.setenv("TF_VAR_s3_bucket_base_name", "x" * 53)
    assert Settings.read(QUICKDATA_STATE="s3").bucket == "x" * 53 + "-x"
    monkeypatch.setenv("TF_VAR_s3_bucket_base_name", "x" * 54)
    said = problems(QUICKDATA_STATE="s3")["QUICKDATA_STATE"]
    assert "use a shorter TF_VAR_s3_bucket_base_name, or local" in said


def test_another_base_name_names_the_bucket_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_tofu", lambda: Path("/usr/bin/tofu"))
    monkeypatch.setenv("TF_VAR_s3_bucket_base_name", "of-a-team")
    settings = Settings.read(QUICKDATA_STATE="s3")
    d = aws.aws_deployment(settings, Progress(), Report("check", "aws"))
    assert isinstance(d.backend, S3)
    assert (settings.bucket, d.backend.bucket) == ("of-a-team-ppr", "of-a-team-ppr-tfstate")
    assert d.bucket == settings.bucket
    for stack in (d.storage, d.app):
        assert stack.env["TF_VAR_s3_bucket_base_name"] == "of-a-team"


def test_the_deployment_is_given_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_tofu", lambda: Path("/usr/bin/tofu"))
    settings = Settings.read(**GITLAB, QUICKDATA_STATE_PASSPHRASE="canary-of-a-passphrase")
    d = aws.aws_deployment(settings, Progress(), Report("deploy", "aws"))
    assert d.app.env["TF_VAR_storage_backend"] == "http"
    assert d.app.env["TF_VAR_storage_config"].endswith('/quickdata-ppr-storage"}')
    for stack in (d.storage, d.app):
        assert stack.env["TF_HTTP_USERNAME"] == "me"
        assert {"TF_HTTP_PASSWORD", "TF_ENCRYPTION"} <= set(stack.secrets)
        assert "canary" not in str(stack.env)


async def test_a_vault_password_that_was_typed_counts_and_not_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keyboard, end = os.openpty()
    monkeypatch.setattr(tools, "find_tofu", lambda: Path("/usr/bin/tofu"))
    monkeypatch.setattr(terminal, "_at_a_terminal", lambda: True)
    monkeypatch.setattr(click, "echo", lambda *_, **__: os.write(keyboard, b"typed\n"))
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(tmp_path / "key"))
    with os.fdopen(keyboard), os.fdopen(end) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        typed = await terminal.vault_password(Progress())
    settings = Settings.read(**typed)
    assert (settings.vault_password, settings.vault_file) == ("typed", None)
    ansible = aws.aws_deployment(settings, Progress(), Report("deploy", "aws")).ansible
    assert ansible.env["ANSIBLE_VAULT_PASSWORD_FILE"].endswith("/vault-password.sh")
    assert "VAULT_PASSWORD" in ansible.secrets


def test_a_passphrase_with_terraform_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_tofu", lambda: Path("/usr/bin/terraform"))
    settings = Settings.read(QUICKDATA_STATE_PASSPHRASE="canary-of-a-passphrase")
    with pytest.raises(SettingsError, match="needs OpenTofu"):
        aws.aws_deployment(settings, Progress(), Report("deploy", "aws"))
