"""How boto3's chain gets its keys: only those of a web identity can be had again."""

from pathlib import Path

import pytest

from pipeline.settings.profile import WebIdentity, find_identity

ROLE = "arn:aws:iam::1:role/ci"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A token in a file, and a caller who has nothing else."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text("of.the.job")
    return tmp_path / "token"


def test_a_role_and_a_token_of_the_environment_are_found(
    token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    assert find_identity("") == WebIdentity(ROLE, "of.the.job")
    assert find_identity("AKIA") is None
    assert "of.the.job" not in repr(find_identity(""))


def test_those_of_a_profile_too(token: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\nrole_arn = {ROLE}\nweb_identity_token_file = {token}\n")
    assert find_identity("") == WebIdentity(ROLE, "of.the.job")


def test_keys_that_are_all_there_is_are_no_identity(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_identity("") is None
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert find_identity("") is None
