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
        ("TF_VAR_open_nocodb_port", "yes", "'yes' is not true or false"),
        ("TF_VAR_debian_release", "11", "'11' is not a release of Debian from 12 on"),
        ("TF_VAR_debian_release", "trixie", "not a release of Debian"),
        ("TF_VAR_ami_id", "debian-13-amd64", "not the ID of an image"),
        ("TF_VAR_ami_id", "ami-0123456789abcdef01", "not the ID of an image"),
        ("TF_VAR_instance_types", "t3.large", "types of EC2 for manager, database, worker"),
        ("TF_VAR_instance_types", '{databse = "t3.large"}', "types of EC2"),
        ("TF_VAR_instance_types", '{"database": 3}', "types of EC2"),
        ("TF_VAR_instance_types", '{database = "t3.large"', "types of EC2"),
        ("TF_VAR_disk_gib", "40", "sizes in GiB for node, postgres"),
        ("TF_VAR_disk_gib", "{database = 40}", "sizes in GiB"),
        ("TF_VAR_disk_gib", '{"postgres": "much"}', "sizes in GiB"),
        ("TF_VAR_disk_gib", "{postgres = 0}", "sizes in GiB"),
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TF_VAR_open_nocodb_port", "false"),
        ("TF_VAR_debian_release", "12"),
        ("TF_VAR_ami_id", "ami-1a2b3c4d"),
        ("TF_VAR_instance_types", '{manager="t3.small",database = "u-3tb1.56xlarge"}'),
        ("TF_VAR_instance_types", '{"database": "t3.large", "worker": "m7i-flex.large"}'),
        ("TF_VAR_disk_gib", "{node = 30, postgres = 40}"),
        ("TF_VAR_disk_gib", '{"postgres":40}'),
        ("TF_VAR_disk_gib", "{}"),
    ],
)
def test_what_opentofu_takes_is_taken_as_it_is(good: pytest.MonkeyPatch, name: str, value: str) -> None:
    good.setenv(name, value)
    assert Settings.read().of_nodes == {name: value}


def test_five_wrong_variables_of_the_nodes_are_told_at_once(good: pytest.MonkeyPatch) -> None:
    wrong = {
        "TF_VAR_open_nocodb_port": "open",
        "TF_VAR_instance_types": "{database: t3.large}",
        "TF_VAR_disk_gib": "{postgres = 40GB}",
        "TF_VAR_debian_release": "thirteen",
        "TF_VAR_ami_id": "newest",
    }
    for name, value in wrong.items():
        good.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.read()
    told = [line.strip().partition(":")[0] for line in caught.value.what.splitlines()[1:]]
    assert sorted(told) == sorted(wrong)


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
