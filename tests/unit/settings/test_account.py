"""The inputs for the account: one region, one pair of keys, and no emulator."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings.account import AccountSettings

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
        AccountSettings.read()
    assert caught.value.exit_code == 2


def test_every_variable_that_names_an_emulator_is_reported_at_once(good: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_EC2"):
        good.setenv(name, "http://127.0.0.1:4566")
    with pytest.raises(
        SettingsError, match="unset AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_EC2, AWS_ENDPOINT_URL_S3"
    ):
        AccountSettings.read()


def test_an_emulator_in_another_profile_is_nobodys_business(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile other]\nendpoint_url = http://emulator\n")
    good.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert AccountSettings.read().endpoint == ""


def test_a_session_token_counts_too(good: pytest.MonkeyPatch) -> None:
    good.setenv("AWS_SESSION_TOKEN", "token")
    assert AccountSettings.read().credentials["aws_session_token"] == "token"


def test_a_profile_counts_instead_of_the_key_pair(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.delenv("AWS_ACCESS_KEY_ID")
    good.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
    good.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert AccountSettings.read().credentials["aws_access_key_id"] == "A"


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
    assert AccountSettings.read().region == "eu-west-1"


def test_the_profiles_region_counts_where_the_environment_has_none(profile: pytest.MonkeyPatch) -> None:
    assert AccountSettings.read().region == "eu-south-1"


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
        AccountSettings.read()
    assert caught.value.exit_code == 2
    good.setenv(names[1], "eu-west-1")
    assert AccountSettings.read().region == "eu-west-1"


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
