"""Inputs that are right, in an environment without any others."""

from pathlib import Path

import pytest


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
