"""The configuration file, written as for bash."""

from pathlib import Path

import pytest

from quickdata_node.config_file import read_values
from quickdata_node.run import Failed


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
