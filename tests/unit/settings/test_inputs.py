"""The inputs, validated all at once."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings.inputs import NodeSettings, Settings


def test_the_courses_variables_are_enough(good: pytest.MonkeyPatch) -> None:
    settings = Settings.read()
    assert (settings.bucket_suffix, settings.region) == ("ppr", "eu-west-3")
    assert settings.credentials == {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}


def test_ssh_to_a_node_needs_no_vault(good: pytest.MonkeyPatch) -> None:
    good.delenv("VAULT_PASSWORD")
    assert NodeSettings.read().vault_password == ""
    with pytest.raises(SettingsError, match="VAULT_PASSWORD"):
        Settings.read()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TF_VAR_bucket_suffix", "", "not set"),
        ("TF_VAR_bucket_suffix", "under_score", "not a letter, digit or hyphen"),
        ("TF_VAR_bucket_suffix", "ppr-tfstate", "another suffix's states"),
        ("TF_VAR_bucket_suffix", "ppr\nx", "has a newline"),
        ("TF_VAR_bucket_suffix", "x" * 28, "27 characters"),
        ("TF_VAR_s3_bucket_base_name", "Team", "not a lowercase letter"),
        ("TF_VAR_s3_bucket_base_name", "x" * 60, "TF_VAR_bucket_suffix: has more than 2 characters"),
        ("TF_VAR_admin_cidr", "", "not set"),
        ("TF_VAR_admin_cidr", "here", "not an IPv4 range"),
        ("TF_VAR_admin_cidr", "0.0.0.0/0", "16 million addresses"),
        ("AWS_REGION", "Paris", "not a region name"),
        ("AWS_DEFAULT_REGION", "Paris", "'Paris' (AWS_DEFAULT_REGION)"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566", "rehearsal"),
        ("AWS_SECRET_ACCESS_KEY", "", "AWS_ACCESS_KEY_ID"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1", "unset AWS_ENDPOINT_URL_STS"),
        ("TF_VAR_domain", "https://x.org", "host name"),
        ("TF_VAR_workers", "-1", "'-1' is not a number of nodes; write 0 or more"),
        ("TF_VAR_workers", "two", "'two' is not a number of nodes"),
        ("GITLAB_USER", "", "GITLAB_PAT"),
        ("GITLAB_PAT", "", "GITLAB_PAT"),
        ("QUICKDATA_SSH_KEY", "/nowhere/key", "ssh-keygen"),
        ("QUICKDATA_SSH_KEY", "~nobody-at-all/x", "cannot be accessed"),
        ("QUICKDATA_SSH_KEY", "x" * 300, "cannot be accessed"),
        ("ANSIBLE_VAULT_PASSWORD_FILE", "x" * 300, "cannot be accessed"),
        ("ANSIBLE_VAULT_PASSWORD_FILE", "/tmp", "does not name an existing file"),
        ("VAULT_PASSWORD", "", "ANSIBLE_VAULT_PASSWORD_FILE"),
        ("ANSIBLE_VAULT_PASSWORD_FILE", "/nowhere/password", "does not name an existing file"),
    ],
)
def test_a_bad_input_is_named_with_its_fix(
    good: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    good.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.read()
    lines = [line for line in caught.value.what.splitlines() if said in line]
    assert len(lines) == 1, caught.value.what
    assert caught.value.exit_code == 2


def test_a_key_that_others_can_read_is_refused(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        Settings.read()


def test_all_problems_are_told_at_once(good: pytest.MonkeyPatch) -> None:
    for name in (
        "TF_VAR_bucket_suffix",
        "TF_VAR_admin_cidr",
        "AWS_ACCESS_KEY_ID",
        "GITLAB_PAT",
        "VAULT_PASSWORD",
    ):
        good.setenv(name, "")
    good.setenv("QUICKDATA_SSH_KEY", "/nowhere")
    with pytest.raises(SettingsError) as caught:
        Settings.read()
    assert len(caught.value.what.splitlines()) == 1 + 6


def test_no_value_of_a_secret_is_in_the_error(good: pytest.MonkeyPatch) -> None:
    good.setenv("GITLAB_PAT", "canary-pat")
    good.setenv("VAULT_PASSWORD", "canary-vault")
    good.setenv("GITLAB_USER", "")
    with pytest.raises(SettingsError) as caught:
        Settings.read()
    assert "canary" not in str(caught.value)


def test_a_vault_password_typed_in_counts(good: pytest.MonkeyPatch) -> None:
    good.delenv("VAULT_PASSWORD")
    assert Settings.read(VAULT_PASSWORD="typed").vault_password == "typed"
