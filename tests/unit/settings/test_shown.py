"""A secret in the wrong variable: the error names the variable and what to do, and never the value."""

from pathlib import Path

import pytest

from pipeline.settings.shown import WITHHELD, shown
from tests.unit.settings.test_states import GITLAB, course, problems

__all__ = ["course"]
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n-----END OPENSSH PRIVATE KEY-----"
SECRETS = {
    "a token of GitLab": "glpat-canary",
    "the id of a key pair": "AKIACANARYCANARY",
    "the other half of it": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYcanaryKEYY",
    "an ID token": "eyJhbGciOiJSUzI1NiJ9.canary.x",
    "an address with a password": "https://u:canary@x",
    "an address with a token": "https://x/?private_token=canary",
    "a long word": "canary" * 5,
    "the text of a key": KEY,
    "the text of a key in one line": KEY.replace("\n", " "),
}
VARIABLES = (
    *("TF_VAR_bucket_suffix", "TF_VAR_s3_bucket_base_name", "TF_VAR_admin_cidr", "TF_VAR_domain"),
    *("TF_VAR_workers", "AWS_REGION", "AWS_ENDPOINT_URL", "QUICKDATA_STATE", "QUICKDATA_STATE_FROM"),
    *("GITLAB_URL", "GITLAB_PROJECT", "GITLAB_USER", "QUICKDATA_SSH_KEY", "ANSIBLE_VAULT_PASSWORD_FILE"),
)


def without_value(said: dict[str, str], secret: str) -> bool:
    text = "\n".join(said.values())
    return "canary" not in text.lower() and not [line for line in secret.splitlines() if line in text]


@pytest.mark.parametrize("end", ["", "\n", "\r", " "])
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_in_the_wrong_variable_is_not_shown(secret: str, end: str) -> None:
    said = problems(**GITLAB | dict.fromkeys(VARIABLES, secret + end))
    assert {"TF_VAR_domain", "QUICKDATA_SSH_KEY", "ANSIBLE_VAULT_PASSWORD_FILE"} <= set(said)
    assert without_value(said, secret)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_nor_in_what_is_read_beside_the_inputs(
    secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_DEFAULT_REGION", "TF_VAR_region", "AWS_PROFILE"):
        monkeypatch.setenv(name, secret)
    said = problems(AWS_REGION="eu-west-3")
    assert {"AWS_REGION", "AWS_ACCESS_KEY_ID"} <= set(said)
    assert without_value(said, secret)


@pytest.mark.parametrize("secret", ["https://u:canary@x", "https://x/?token=canary"])
def test_nor_in_a_profile_that_names_an_emulator(
    secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(f"[default]\nendpoint_url = {secret}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert WITHHELD in problems()["AWS_ENDPOINT_URL"]


def test_a_key_in_the_place_of_its_path_is_told_with_what_to_name() -> None:
    said = problems(QUICKDATA_SSH_KEY=KEY)["QUICKDATA_SSH_KEY"]
    assert (
        said
        == "contains the key itself; name a file with the key, for example by a GitLab variable of type File"
    )


def test_a_password_in_the_place_of_its_file_is_not_shown_however_short() -> None:
    said = problems(ANSIBLE_VAULT_PASSWORD_FILE="hunter2secret")["ANSIBLE_VAULT_PASSWORD_FILE"]
    assert said == "does not name an existing file; name one that exists, or unset the variable"


@pytest.mark.parametrize(
    "value",
    [
        *("Paris", "eu-west-3x", "under_score", "ppr-tfstate", "https://nocodb.example.org/path", "a" * 29),
        *("203.0.113.7/33", "a-group-with-a-long-name/and-a-project-with-one", "glue"),
        *("/builds/a_folder_with_a_long_name_of_its_own/key", "~/.ssh/id_ed25519"),
    ],
)
def test_what_looks_like_no_secret_is_shown(value: str) -> None:
    assert shown(value) == repr(value)
