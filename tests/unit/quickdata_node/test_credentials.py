"""Credentials come from the configuration or the instance's role, whatever a caller has."""

import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader

from quickdata_node import store
from quickdata_node.config import load
from quickdata_node.run import Run

KEYS = "aws_access_key_id = of-the-caller\naws_secret_access_key = of-the-caller\n"
FILES = {
    ".aws/credentials": f"[default]\n{KEYS}[other]\n{KEYS}",
    ".aws/config": f"[default]\n{KEYS}endpoint_url = http://127.0.0.1:9\n[profile other]\n{KEYS}",
    ".boto": f"[Credentials]\n{KEYS}",
    "token": "of-the-caller",
}
VARIABLES = {
    "AWS_PROFILE": "other",
    "AWS_DEFAULT_PROFILE": "other",
    "AWS_ACCESS_KEY_ID": "of-the-caller",
    "AWS_SECRET_ACCESS_KEY": "of-the-caller",
    "AWS_SESSION_TOKEN": "of-the-caller",
    "AWS_ROLE_ARN": "arn:aws:iam::1:role/of-the-caller",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
    "AWS_CREDENTIAL_FILE": "{home}/.aws/credentials",
    "AWS_CONFIG_FILE": "{home}/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "{home}/.aws/credentials",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
    "BOTO_CONFIG": "{home}/.boto",
    "BOTOCORE_EXPERIMENTAL__PLUGINS": "x=of_the_caller",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A caller's home full of credentials, and no other."""
    home = tmp_path / "home"
    for name, text in FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    monkeypatch.setattr(os, "environ", os.environ.copy())  # what a run sets there goes with the test
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return home


def client(tmp_path: Path, text: str = "", **more: str) -> Any:
    """The client of a run with a configuration."""
    values = {"DATABASE": "app", "BACKUP_BUCKET": "b", "AWS_REGION": "eu-west-3", "KEEP_DAILY": "7"}
    values |= {"STATE_DIR": "/x", "LOCK_FILE": "/x/lock", "KEEP_WEEKLY": "0"}
    values |= {"AWS_EC2_METADATA_DISABLED": "true", **more}
    file = tmp_path / "conf"
    file.touch(0o600)
    file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()) + text)
    load(Run("backup-pg.sh"), file)
    return store.make_client(attempts=1, read_timeout=1)


def credentials(found: Any) -> Any:
    return found._request_signer._credentials


def test_no_file_in_a_callers_home_has_them(tmp_path: Path, home: Path) -> None:
    found = client(tmp_path)
    assert credentials(found) is None
    assert found.meta.endpoint_url == "https://s3.eu-west-3.amazonaws.com"


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_of_a_caller_has_or_finds_them(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, VARIABLES[name].format(home=home))
    found = client(tmp_path)
    assert credentials(found) is None
    assert found.meta.endpoint_url == "https://s3.eu-west-3.amazonaws.com"


def test_those_of_the_configuration_are_taken(tmp_path: Path, home: Path) -> None:
    found = credentials(client(tmp_path, AWS_ACCESS_KEY_ID="ours", AWS_SECRET_ACCESS_KEY="secret"))
    assert (found.access_key, found.secret_key) == ("ours", "secret")


def test_a_role_of_the_configuration_is_one_that_refreshes_itself(tmp_path: Path, home: Path) -> None:
    role = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/ours", "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "token")}
    found = credentials(client(tmp_path, **role))
    assert found.method == "assume-role-with-web-identity"


def test_no_file_in_a_callers_home_says_what_s3_is() -> None:
    assert not [path for path in Loader().search_paths if ".aws" in path]


def test_what_carries_a_secret_to_the_configuration_goes_no_further(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELD_AWS_SECRET_ACCESS_KEY", "carried")
    client(tmp_path, "AWS_SECRET_ACCESS_KEY=$HELD_AWS_SECRET_ACCESS_KEY\n", AWS_ACCESS_KEY_ID="ours")
    assert [name for name, value in os.environ.items() if value == "carried"] == ["AWS_SECRET_ACCESS_KEY"]
