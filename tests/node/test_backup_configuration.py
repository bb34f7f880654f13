"""The program's configuration and arguments: what is wrong is said at once, and nothing is done (exit 2)."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import finish


def refused(node: Node, *arguments: str) -> str:
    done = node.backup(*arguments)
    assert (done.code, done.out, node.objects(), node.files()) == (2, "", [], [])
    assert done.log.count("\n") == 1
    return done.log


def unread(node: Node) -> str:
    """What is said when nobody looked into the configuration, so that no ON_FAILURE command is known."""
    said = refused(node)
    assert node.alert() == ""
    return said


def test_a_missing_configuration(node: Node) -> None:
    node.config.unlink()
    assert "cannot be read; run backup.yml, or name the file with --config" in unread(node)


def test_a_configuration_that_is_a_directory(node: Node) -> None:
    node.config.unlink()
    node.config.mkdir()
    assert "cannot be read" in unread(node)


def test_a_configuration_that_may_not_be_read(node: Node) -> None:
    node.config.chmod(0)
    command = [*node.command("backup-pg.sh"), "--config", str(node.config)]
    if os.geteuid() == 0:  # who may read whatever there is
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, env={"PATH": node.path}, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, node.objects(), node.files(), node.alert()) == (2, "", [], [], "")
    assert done.stderr.endswith("cannot be read; run backup.yml, or name the file with --config\n")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602])
def test_a_configuration_open_to_others(node: Node, mode: int) -> None:
    node.config.chmod(mode)
    assert f"is open to others (mode {mode:o}); chmod 600 {node.config}" in unread(node)


def test_a_configuration_of_another_user(node: Node) -> None:
    if os.geteuid() == 0:
        os.chown(node.config, 12345, 12345)
        assert "belongs to another user; chown it" in unread(node)
    else:
        node.config = Path("/etc/shadow")
        assert "cannot be read" in unread(node)


def test_a_configuration_that_is_not_written_as_for_bash(node: Node) -> None:
    node.config.write_text("DATABASE='app\n")
    done = node.backup()
    assert done.code == 2
    assert "is not valid; write KEY='value' lines" in done.log


def test_every_problem_is_said_at_once(node: Node) -> None:
    node.configure(BACKUP_BUCKET="", KEEP_DAILY="0", KEEP_WEEKLY="many", DATABASE="x" * 47)
    said = refused(node)
    for problem in (
        "BACKUP_BUCKET is missing",
        "KEEP_DAILY is 0",
        "KEEP_WEEKLY is not a number",
        "DATABASE is longer than 46 bytes",
    ):
        assert problem in said


@pytest.mark.parametrize("name", ["a/b", "..", "line\nbreak"])
def test_a_name_that_no_key_can_hold(node: Node, name: str) -> None:
    node.configure(DATABASE=name)
    assert "DATABASE cannot be part of an S3 key" in refused(node)
    node.database = "app_"


@pytest.mark.parametrize("arguments", [("--fast",), ("--config",), ("--config", "")])
def test_wrong_arguments_are_refused_with_a_pointer_to_the_help(
    node: Node, arguments: tuple[str, ...]
) -> None:
    assert "see --help" in refused(node, *arguments)


@pytest.mark.parametrize("option", ["--config", "--id", "--from-database"])
def test_an_empty_value_restores_nothing(node: Node, option: str) -> None:
    done = node.restore(option, "")
    assert (done.code, done.out, node.files()) == (2, "", [])
    assert f"{option} needs a value; see --help" in done.log


def test_the_callers_environment_says_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.create()
    node.environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_PROFILE": "other",
        "PGHOST": "nowhere",
        "PGDATABASE": "x",
        "BACKUP_BUCKET": "of-somebody-else",
        "BUCKET": "of-somebody-else",
    }
    assert node.backup().code == 0


@pytest.fixture
def older(node: Node) -> Node:
    """A node whose configuration an earlier version wrote, with the bucket's older name."""
    node.create()
    text = node.config.read_text()
    assert text.count("BACKUP_BUCKET=") == 1
    node.config.write_text(text.replace("BACKUP_BUCKET=", "BUCKET="))
    return node


def test_the_commands_read_the_older_name_of_the_bucket_until_the_next_deployment(older: Node) -> None:
    older.environment = {"BACKUP_BUCKET": "of-somebody-else"}
    codes = [older.backup().code, older.restore().code, finish(older.start("check-backup-age.sh")).code]
    assert (codes, len(older.backups())) == ([0, 0, 0], 1)


def test_a_state_directory_that_cannot_be_made(node: Node) -> None:
    (node.directory / "file").touch()
    node.configure(STATE_DIR=str(node.directory / "file" / "state"))
    done = node.backup()
    assert done.code == 1
    assert "no directory can be made in" in node.alert()


def test_an_alert_that_fails_changes_no_exit_code(node: Node) -> None:
    node.replace("alert", "exit 7")
    done = node.backup()
    assert done.code == 1
    assert "the ON_FAILURE command failed too" in done.log
