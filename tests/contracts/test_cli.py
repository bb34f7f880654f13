"""The command line: help, questions, exit codes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pexpect
import pytest
from click.testing import CliRunner

from pipeline import cli
from pipeline.cli import console, main
from pipeline.errors import VerifyFailed
from pipeline.verbs import NAMES, SECTIONS
from tests.support.examples import example
from tests.support.verbs import COMMANDS

VERBS = sorted(NAMES)
FILES = {"run.json", "junit.xml", "index.html", "history.json", ".lock"}
"""What a verb leaves in the folder of its reports."""
VALUED = [
    (verb, option.opts[-1])
    for verb in VERBS
    for option in COMMANDS[verb].params
    if isinstance(option, click.Option) and not option.is_flag
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me")
    values = {
        "HOME": str(tmp_path),
        "TF_VAR_bucket_suffix": "ppr",
        "TF_VAR_admin_cidr": "203.0.113.7/32",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "VAULT_PASSWORD": "vault",
        "QUICKDATA_SSH_KEY": str(tmp_path / "key"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(console, "REPORTS", tmp_path / "reports")
    return values


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_each_option_with_an_example_that_can_be_typed(verb: str) -> None:
    """The example is parsed by the verb itself, which checks its values, and not run."""
    command = COMMANDS[verb]
    help_text = command.help or ""
    said = re.sub(r"\s+", " ", CliRunner().invoke(main, [verb, "--help"], terminal_width=200).output)
    examples = re.findall(rf"^ *Example: quickdata {verb}(?: (.+))?$", help_text, re.MULTILINE)
    assert examples
    for words in examples:
        assert f"Example: quickdata {verb} {words}".strip() in said
        command.make_context(verb, shlex.split(words))
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert option.help, f"{verb} {option.name} is not explained"


def test_inputs_that_only_an_option_needs_stand_apart_in_the_help() -> None:
    said = CliRunner().invoke(main, ["drill", "--help"]).output
    always, _, physical = said.partition("With --physical also ")
    assert "TF_VAR_bucket_suffix" in always
    for name in ("VAULT_PASSWORD", "TF_VAR_admin_cidr", "QUICKDATA_SSH_KEY"):
        assert (name in always, name in physical) == (False, True)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("words", [["--no-such-option"], ["no-such-argument"]])
def test_what_a_verb_does_not_know_is_wrong_input(verb: str, words: list[str]) -> None:
    done = CliRunner().invoke(main, [*example(verb), *words])
    assert done.exit_code == 2
    assert words[0] in done.output


@pytest.mark.parametrize(("verb", "option"), VALUED)
def test_an_options_missing_value_is_wrong_input(verb: str, option: str) -> None:
    done = CliRunner().invoke(main, [verb, option])
    assert done.exit_code == 2
    assert option in done.output


@pytest.mark.parametrize("words", [["--help"], ["deploy", "--help"]])
def test_a_ctrl_c_while_the_program_is_still_being_loaded_ends_without_a_traceback(
    tmp_path: Path, words: list[str]
) -> None:
    """It comes when the first library is loaded: a module of that name stands in for a person's timing."""
    (tmp_path / "click.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    script = Path(sys.executable).with_name("quickdata")
    done = subprocess.run(
        [script, *words], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_destroy_without_a_terminal_and_without_yes_does_nothing(environment: dict[str, str]) -> None:
    done = CliRunner().invoke(main, ["destroy"])
    assert done.exit_code == 2
    assert "--yes" in done.output


def test_destroy_asks_and_takes_no_for_an_answer(environment: dict[str, str]) -> None:
    script = Path(sys.executable).with_name("quickdata")
    child = pexpect.spawn(str(script), ["destroy"], env={"PATH": "/usr/bin:/bin", **environment}, timeout=30)
    child.expect("Destroy the app.*after a verified backup.*y/N")
    child.sendline("n")
    child.expect("not confirmed: nothing was done")
    child.wait()
    assert child.exitstatus == 1


@pytest.mark.parametrize("words", [["destroy"], ["check", "--ask-vault-password"]])
def test_a_closed_standard_input_is_no_terminal_to_ask_at(
    environment: dict[str, str], words: list[str]
) -> None:
    script = Path(sys.executable).with_name("quickdata")
    env = {"PATH": "/usr/bin:/bin", **environment}
    command = ["bash", "-c", 'exec "$0" "$@" <&-', str(script), *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no terminal" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_database_whose_name_is_no_text_is_wrong_input(environment: dict[str, str], locale: str) -> None:
    command = [str(Path(sys.executable).with_name("quickdata")).encode(), b"backups", b"--database", b"\xff"]
    env = {"PATH": "/usr/bin:/bin", **environment, "LC_ALL": locale, "PYTHONUTF8": "0"}
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_report_that_cannot_be_written_is_found_before_anything_is_done(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reports").touch()
    done = []

    async def acting(call: console.TerminalCall) -> None:
        done.append("something")

    with pytest.raises(SystemExit) as ended:
        console.run_verb(acting, "restore", False)
    assert (ended.value.code, done) == (1, [])
    assert "this machine reported an error" in capsys.readouterr().err


@pytest.mark.parametrize(("place", "why"), [("reports", "File exists"), ("reports/run.json", "directory")])
def test_a_report_that_cannot_be_written_in_the_end_hides_no_proof_and_is_not_said_to_be_there(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, why: str
) -> None:
    async def acting(call: console.TerminalCall) -> None:
        call.report.prove("restore", "the old database is kept_as_x")
        if place == "reports":
            shutil.rmtree(tmp_path / place)
            (tmp_path / place).touch()
        else:
            (tmp_path / place).unlink()
            (tmp_path / place).mkdir()

    console.run_verb(acting, "restore", False)
    told = capsys.readouterr()
    assert "kept_as_x" in told.out
    assert re.search(rf"The report could not be written: .*{why}", told.err)
    assert "The report is" not in told.err


@pytest.mark.parametrize("backup_id", ["", "{{ 1 }}", "creates=/etc/passwd", "ABCDEF01", "../12345"])
@pytest.mark.parametrize("verb", ["restore", "verify"])
def test_what_is_no_id_of_a_backup_is_refused(verb: str, backup_id: str) -> None:
    done = CliRunner().invoke(main, [verb, "--id", backup_id])
    assert done.exit_code == 2
    assert "quickdata backups" in done.output


@pytest.mark.parametrize("name", ["other_db", "NOCODB_DB", ""])
def test_destroy_without_backup_wants_the_databases_very_name(environment: dict[str, str], name: str) -> None:
    done = CliRunner().invoke(main, ["destroy", "--yes", "--without-backup", name])
    assert done.exit_code == 2


def test_a_database_name_that_ansible_would_read_as_a_template_is_refused_at_once() -> None:
    done = CliRunner().invoke(main, ["restore", "--from-database", "{{ lookup('pipe', 'id') }}"])
    assert done.exit_code == 2
    assert "Ansible would read as a template" in done.output


def test_a_list_of_backups_has_one_form(environment: dict[str, str]) -> None:
    done = CliRunner().invoke(main, ["backups", "--json", "--html"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "leave one of them out" in done.stderr


def test_a_page_that_cannot_be_written_is_told_with_its_fix(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reports").touch()

    async def paging(call: console.TerminalCall) -> None:
        call.answer("<!doctype html>", "html")

    with pytest.raises(SystemExit) as ended:
        console.run_without_report(paging, "backups")
    assert ended.value.code == 1
    assert "this machine reported an error" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["under_score", "x" * 28, "my-an", ""])
def test_a_suffix_that_s3_refuses_is_refused_before_anything_starts(suffix: str) -> None:
    done = CliRunner().invoke(main, ["rehearse", "--suffix", suffix])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_an_error_ends_with_its_code_its_fix_and_a_report(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async def failing(call: console.TerminalCall) -> None:
        call.report.prove("half", "done")
        raise VerifyFailed("2 tables differ", "look at them")

    with pytest.raises(SystemExit) as ended:
        console.run_verb(failing, "verify", False)
    assert ended.value.code == 4
    written = (tmp_path / "reports/run.json").read_text()
    assert '"exit_code": 4' in written
    assert "2 tables differ" in written
    assert '"words": "done"' in written


def test_a_ctrl_c_before_anything_has_begun_is_reported_as_an_interrupt(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async def interrupted(call: console.TerminalCall) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        console.run_verb(interrupted, "deploy", False)
    assert ended.value.code == 130
    assert '"exit_code": 130' in (tmp_path / "reports/run.json").read_text()


def left_by_a_verb(reports: Path) -> list[str]:
    assert {file.name for file in reports.iterdir()} == FILES
    return [file.read_text() for file in reports.iterdir()]


def test_a_defect_is_told_without_its_own_words_and_without_a_traceback(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A KeyError's words are the key, which may be a secret."""

    async def failing(call: console.TerminalCall) -> None:
        {}["canary".upper()]

    with pytest.raises(SystemExit) as ended:
        console.run_verb(failing, "deploy", False)
    assert ended.value.code == 1
    written = left_by_a_verb(tmp_path / "reports")
    told = [text for text in (capsys.readouterr().err, *written) if "defect" in text]
    assert len(told) == 4  # and not in the history, which has no words
    assert not [text for text in written if "CANARY" in text]
    for text in told:
        assert "a defect in the pipeline: KeyError" in text
        assert "report this defect with the lines below" in text
        assert "in failing" in text
        assert "CANARY" not in text
        assert "Traceback" not in text


def test_a_secret_of_the_environment_is_in_no_error_and_in_no_report(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def failing(call: console.TerminalCall) -> None:
        raise VerifyFailed("GitLab says: canary-pat is not known", "look")

    monkeypatch.setenv("GITLAB_PAT", "canary-pat")
    with pytest.raises(SystemExit):
        console.run_verb(failing, "verify", False)
    written = left_by_a_verb(tmp_path / "reports")
    assert len([text for text in written if "is not known" in text]) == 3
    assert not [text for text in written if "canary" in text]
    assert "canary" not in capsys.readouterr().err


def test_a_verb_that_only_lists_tells_a_defect_and_covers_secrets_alike(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    errors: list[Exception] = [KeyError("canary"), VerifyFailed("GitLab says: canary-pat", "look")]
    monkeypatch.setenv("GITLAB_PAT", "canary-pat")

    async def failing(call: console.TerminalCall) -> None:
        raise errors.pop(0)

    for code, told in (
        (1, "✗ backups: a defect in the pipeline: KeyError"),
        (4, "✗ backups: GitLab says: ********"),
    ):
        with pytest.raises(SystemExit) as ended:
            console.run_without_report(failing, "backups")
        assert ended.value.code == code
        said = capsys.readouterr().err
        assert said.startswith(told)
        assert "'canary'" not in said
        assert "canary-pat" not in said


def test_a_defect_outside_of_a_run_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["quickdata", "check"])
    monkeypatch.setattr(cli, "outlive_readers", lambda: None)
    monkeypatch.setattr("pipeline.cli.command.command", lambda _: {}["canary".upper()])
    with pytest.raises(SystemExit) as ended:
        cli.start()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("✗ a defect in the pipeline: KeyError\n  → report this defect")
    assert "CANARY" not in said


def test_an_error_in_parallel_work_is_told_alone(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    async def failing(call: console.TerminalCall) -> None:
        raise ExceptionGroup("unhandled", [ExceptionGroup("inner", [VerifyFailed("differs", "look")])])

    with pytest.raises(SystemExit):
        console.run_verb(failing, "verify", False)
    *_, what, fix = capsys.readouterr().err.strip().splitlines()
    assert (what, fix) == ("✗ verify: differs", "  → look")


def test_the_list_of_verbs_has_whole_sentences_in_the_order_of_use() -> None:
    listed = CliRunner().invoke(main, ["--help"], terminal_width=60).output.partition("Try it:")[2]
    text = " ".join(listed.split())
    sentences = [(COMMANDS[name].help or "").partition("\n\n")[0].split() for name in NAMES]
    places = [text.find(" ".join([name, *words])) for name, words in zip(NAMES, sentences, strict=True)]
    assert places == sorted(places) and places[0] == 0
    assert [f"{title}:" in listed for title in SECTIONS]
