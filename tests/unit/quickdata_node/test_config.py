"""The configuration file, written as for bash, and the arguments."""

from pathlib import Path

import pytest

from quickdata_node.config import find_problems, parse, read_values
from quickdata_node.run import Failed

GOOD = {
    "DATABASE": "app",
    "BACKUP_BUCKET": "b",
    "AWS_REGION": "eu-west-3",
    "STATE_DIR": "/x",
    "LOCK_FILE": "/x/lock",
    "KEEP_DAILY": "7",
    "KEEP_WEEKLY": "0",
}


def values(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "conf"
    file.write_text(text)
    return read_values(file)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'plain'", "plain"),
        ("'it'\\''s'", "it's"),
        ("'it'\"'\"'s'", "it's"),
        ("'$HOME `id` \\ # ;'", "$HOME `id` \\ # ;"),
        ("'two\nlines'", "two\nlines"),
        ('"double"', "double"),
        ("7", "7"),
        ("/var/lib/x", "/var/lib/x"),
        ("", ""),
        ("'*' # an emulator is beside it", "*"),
    ],
)
def test_a_value_is_what_bash_takes_it_for(tmp_path: Path, written: str, meant: str) -> None:
    assert values(tmp_path, f"# managed\n\nKEY={written}\n  OTHER='x'\n") == {"KEY": meant, "OTHER": "x"}


def test_a_variable_of_the_environment_carries_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELD_PASSWORD", "s3cret $x")
    assert values(tmp_path, "PGPASSWORD=$HELD_PASSWORD\n") == {"PGPASSWORD": "s3cret $x"}
    monkeypatch.delenv("HELD_PASSWORD")
    with pytest.raises(Failed, match=r"\$HELD_PASSWORD is not in the environment"):
        values(tmp_path, "PGPASSWORD=$HELD_PASSWORD\n")


@pytest.mark.parametrize(
    "text",
    ["KEY='open\n", "KEY=$(id)\n", 'KEY="`id`"\n', "KEY=a; id\n", "echo x\n", "KEY =x\n", "a" * 5000 + ";"],
)
def test_what_only_bash_could_run_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Failed, match="is not valid; write KEY='value' lines") as caught:
        values(tmp_path, text)
    assert caught.value.code == 2


def test_a_good_configuration_has_no_problem() -> None:
    assert list(find_problems(GOOD)) == []


def test_every_problem_is_found() -> None:
    wrong = {"DATABASE": "x" * 47, "KEEP_DAILY": "0", "KEEP_WEEKLY": "many"}
    assert list(find_problems(wrong)) == [
        "BACKUP_BUCKET is missing",
        "AWS_REGION is missing",
        "STATE_DIR is missing",
        "LOCK_FILE is missing",
        "KEEP_WEEKLY is not a number",
        "KEEP_DAILY is 0",
        "DATABASE is longer than 46 bytes",
    ]


@pytest.mark.parametrize("name", ["a/b", "..", ".", "line\nbreak"])
def test_a_database_is_called_what_a_key_can_hold(name: str) -> None:
    assert list(find_problems({**GOOD, "DATABASE": name})) == ["DATABASE cannot be part of an S3 key"]


def test_options_are_what_the_command_has() -> None:
    options = parse(["--verify", "--id", "x", "--config", "c"], "", ("--id",), ("--verify",))
    assert (options.config, options.id, options.verify, options.action) == ("c", "x", True, "verified")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fast"], "unknown argument --fast; see --help"),
        (["--config"], "--config needs a value; see --help"),
        (["--config", ""], "--config needs a value; see --help"),
        (["--verify"], "unknown argument --verify; see --help"),
        ([], "no configuration file was given; add --config FILE"),
    ],
)
def test_wrong_arguments_are_told(words: list[str], said: str) -> None:
    with pytest.raises(Failed) as caught:
        parse(words, "")
    assert (str(caught.value), caught.value.code) == (said, 2)
