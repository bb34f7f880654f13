"""Invisible characters in an input: named, shown as an escape, and of a secret never shown at all."""

import os
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.errors import SettingsError
from pipeline.settings.inputs import Settings
from pipeline.settings.invisible import unseen, visible
from pipeline.settings.suffix import valid_suffix
from pipeline.steps.masks import Masks
from tests.unit.settings.test_states import GITLAB, course, problems

__all__ = ["course"]
CANARY = "canary-of-a-secret"
TEXTS = {
    "TF_VAR_bucket_suffix": "ppr",
    "TF_VAR_admin_cidr": "203.0.113.7/32",
    "TF_VAR_domain": "nocodb.example.org",
    "TF_VAR_workers": "3",
    "AWS_REGION": "eu-west-3",
    "QUICKDATA_STATE": "local",
    "GITLAB_URL": "https://gitlab.example.org",
    "GITLAB_PROJECT": "team/quickdata",
    "GITLAB_USER": "me",
}
PATHS = ("QUICKDATA_SSH_KEY", "ANSIBLE_VAULT_PASSWORD_FILE")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("ppr", ""),
        ("", ""),
        ("My Projects/é", ""),
        ("ppr\r", "ends with a carriage return: the file that sets it has Windows line endings; save"),
        ("ppr\r\n", "ends with a carriage return: "),
        ("ppr\n", "ends with a newline; set it again without this character"),
        ("p\npr", "has a newline; "),
        ("\tppr", "begins with a tab; "),
        (" ppr", "begins with a space; "),
        ("ppr ", "ends with a space; "),
        (" ", "ends with a space; "),
        ("p\u00a0pr", "has a no-break space (U+00A0); "),
        ("ppr\u200b", "ends with a zero width space (U+200B); "),
        ("\ufeffppr", "begins with a zero width no-break space (U+FEFF); "),
        ("ppr\x07", "ends with the character U+0007; "),
        ("p\udcffpr", "has a byte that is not UTF-8; "),
    ],
)
def test_the_character_and_its_place_are_named(value: str, said: str) -> None:
    assert unseen(value).startswith(said) if said else not unseen(value)
    assert unseen(value).isprintable()
    assert visible(value).isprintable()


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("change", ["{}\r", "{}\n", "\t{}", "\u00a0{}", "{}\u200b"])
def test_every_input_shows_its_value_as_an_escape_and_names_the_character(name: str, change: str) -> None:
    value = change.format(TEXTS[name])
    found = problems(**GITLAB | {name: value})
    assert list(found) == [name]
    assert found[name] == f"{value!r} {unseen(value)}"


@pytest.mark.parametrize("name", ["GITLAB_PAT", "QUICKDATA_STATE_PASSPHRASE"])
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_secret_that_its_files_end_of_line_would_change_is_refused_and_not_shown(
    name: str, end: str
) -> None:
    assert problems(**GITLAB | {name: CANARY + end}) == {name: unseen(f"x{end}")}


def test_both_halves_of_a_key_pair_are_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-id\r")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{CANARY}\n")
    said = problems()["AWS_ACCESS_KEY_ID"]
    assert said.startswith("ends with a carriage return: ")
    assert "; AWS_SECRET_ACCESS_KEY ends with a newline; " in said


def test_a_newline_that_ends_the_vaults_password_is_dropped_as_by_ansible_and_masked() -> None:
    assert Settings.read(VAULT_PASSWORD="sesame\n").vault_password == "sesame\n"
    assert "sesame" not in Masks({"VAULT_PASSWORD": "sesame\n"}).cover("the password is sesame.")


@pytest.mark.parametrize("name", PATHS)
def test_a_file_that_is_not_there_because_of_a_carriage_return_says_so(name: str) -> None:
    value = os.environ["QUICKDATA_SSH_KEY"] + "\r"
    said = problems(**{name: value})[name]
    assert "(ends with a carriage return: the file that sets it has Windows line endings)" in said
    assert ("key\\r'" in said) == (name == "QUICKDATA_SSH_KEY")


def test_a_profile_that_is_not_there_because_of_a_carriage_return_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine\r")
    assert "AWS_PROFILE 'mine\\r' ends with a carriage return" in problems()["AWS_ACCESS_KEY_ID"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TF_VAR_admin_cidr", "here"),
        ("TF_VAR_admin_cidr", "0.0.0.0/0"),
        ("TF_VAR_domain", "https://x.org"),
        ("AWS_REGION", "Paris"),
        ("QUICKDATA_STATE", "git"),
        ("GITLAB_URL", "gitlab.example.org"),
        ("GITLAB_PROJECT", "quickdata"),
    ],
)
def test_a_malformed_value_is_shown(name: str, value: str) -> None:
    assert problems(**GITLAB | {name: value})[name].startswith(repr(value))


def test_whatever_a_library_says_of_a_value_leaves_the_terminal_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "\x1b[2Jparis")
    with pytest.raises(SettingsError) as caught:
        Settings.read()
    assert all(line.isprintable() for line in str(caught.value).splitlines())


OPTIONS: tuple[tuple[Callable[[str], list[str]], str], ...] = (
    (lambda value: ["restore", "--id", value], "3f2a9c1d"),
    (lambda value: ["rehearse", "--suffix", value], "ppr"),
    (lambda value: ["deploy", "--state", value], "s3"),
    (lambda value: ["drill", "--max-age", value], "soon"),
    (lambda value: ["backups", "--database", f"{value}/"], "nocodb_db"),
    (lambda value: ["rehearse", "--nodes", value], "local"),
    (lambda value: ["unlock", value], "app"),
    (lambda value: ["deploy", "--plan", value], "nowhere"),
)


@pytest.mark.parametrize(("words", "value"), OPTIONS)
def test_every_option_shows_its_value_as_an_escape(words: Callable[[str], list[str]], value: str) -> None:
    done = CliRunner().invoke(main, words(f"{value}\r"))
    assert done.exit_code == 2
    assert f"{value}\\r" in done.output
    assert "\r" not in done.output.replace("\r\n", "\n")


def test_a_suffix_says_the_character_and_not_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"'ppr\\n' ends with a newline"):
        valid_suffix("ppr\n")
