"""The inputs, validated all at once."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings.inputs import AccountSettings, NodeSettings, Settings


@pytest.fixture
def good(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
        "ANSIBLE_VAULT_PASSWORD_FILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "TF_VAR_region",
        "AWS_CONFIG_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me")
    values = {
        "TF_VAR_bucket_suffix": "PPR",
        "TF_VAR_admin_cidr": "203.0.113.7/32",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "VAULT_PASSWORD": "vault",
        "QUICKDATA_SSH_KEY": str(tmp_path / "key"),
        "GITLAB_USER": "me",
        "GITLAB_PAT": "pat",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


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


IN_CONFIG, IN_CREDENTIALS = "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"
URL = "endpoint_url = http://emulator\n"


@pytest.mark.parametrize(
    ("file", "profile", "text"),
    [
        (IN_CONFIG, "", f"[default]\n{URL}"),
        (IN_CONFIG, "", f"[default]\nservices = mine\n[services mine]\ns3 =\n  {URL}"),
        (IN_CONFIG, "mine", f"[profile mine]\n{URL}"),
        (IN_CREDENTIALS, "", f"[default]\n{URL}"),
        (IN_CREDENTIALS, "mine", f"[mine]\n{URL}"),
    ],
)
def test_an_emulator_in_the_profile_is_refused_like_one_in_the_environment(
    good: pytest.MonkeyPatch, tmp_path: Path, file: str, profile: str, text: str
) -> None:
    (tmp_path / "file").write_text(text)
    good.setenv(file, str(tmp_path / "file"))
    if profile:
        good.setenv("AWS_PROFILE", profile)
    with pytest.raises(
        SettingsError, match=r"AWS_ENDPOINT_URL: .*http://emulator.*; remove endpoint_url"
    ) as caught:
        Settings.read()
    assert caught.value.exit_code == 2


def test_every_variable_that_names_an_emulator_is_reported_at_once(good: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_EC2"):
        good.setenv(name, "http://127.0.0.1:4566")
    with pytest.raises(
        SettingsError, match="unset AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_EC2, AWS_ENDPOINT_URL_S3"
    ):
        Settings.read()


def test_an_emulator_in_another_profile_is_nobodys_business(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile other]\nendpoint_url = http://emulator\n")
    good.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert Settings.read().endpoint == ""


def test_a_session_token_counts_too(good: pytest.MonkeyPatch) -> None:
    good.setenv("AWS_SESSION_TOKEN", "token")
    assert Settings.read().credentials["aws_session_token"] == "token"


def test_a_profile_counts_instead_of_the_key_pair(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.delenv("AWS_ACCESS_KEY_ID")
    good.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
    good.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert Settings.read().credentials["aws_access_key_id"] == "A"


def test_a_vault_password_typed_in_counts(good: pytest.MonkeyPatch) -> None:
    good.delenv("VAULT_PASSWORD")
    assert Settings.read(VAULT_PASSWORD="typed").vault_password == "typed"


@pytest.fixture
def profile(good: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A profile in use that names a region."""
    (tmp_path / "config").write_text("[default]\nregion = eu-south-2\n[profile mine]\nregion = eu-south-1\n")
    good.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    good.setenv("AWS_PROFILE", "mine")
    return good


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION", "TF_VAR_region"])
def test_a_region_of_the_environment_counts_before_the_profiles(
    profile: pytest.MonkeyPatch, name: str
) -> None:
    profile.setenv(name, "eu-west-1")
    assert Settings.read().region == "eu-west-1"


def test_the_profiles_region_counts_where_the_environment_has_none(profile: pytest.MonkeyPatch) -> None:
    assert Settings.read().region == "eu-south-1"


@pytest.mark.parametrize(
    "names",
    [
        ("AWS_REGION", "AWS_DEFAULT_REGION"),
        ("AWS_REGION", "TF_VAR_region"),
        ("AWS_DEFAULT_REGION", "TF_VAR_region"),
    ],
)
def test_two_regions_are_refused_and_one_said_twice_is_not(
    good: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    for name, region in zip(names, ("eu-west-1", "us-east-1"), strict=True):
        good.setenv(name, region)
    said = f"{names[0]} is eu-west-1 and {names[1]} is us-east-1; set them to the same region"
    with pytest.raises(SettingsError, match=said) as caught:
        Settings.read()
    assert caught.value.exit_code == 2
    good.setenv(names[1], "eu-west-1")
    assert Settings.read().region == "eu-west-1"


@pytest.mark.parametrize(
    "keys",
    [
        {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"},
        {"AWS_SECRET_ACCESS_KEY": "secret"},
        {"AWS_SESSION_TOKEN": "token"},
        {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SESSION_TOKEN": "token"},
    ],
)
def test_half_a_key_pair_never_lets_somebody_else_act(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: dict[str, str]
) -> None:
    """The chain would go on, to a profile or to an instance's role."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = OTHER\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(SettingsError, match="Partial credentials found in the inputs, missing: AWS_"):
        AccountSettings.read(TF_VAR_bucket_suffix="ppr", **keys)
