"""Output that nobody reads any more, as behind `| head`: the work goes on to its end and its exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

QUICKDATA = Path(sys.executable).with_name("quickdata")
EVERY = ("stdout", "stderr")
WORK = """
import pathlib, sys
from pipeline import cli, errors
from pipeline.cli import console

console.REPORTS = pathlib.Path(sys.argv.pop(1))

async def verb(call):
    for number in range(1000):
        call.progress.note(f"line {number}")
    call.report.prove("work", "done to its end")
    if FAILS:
        raise errors.VerifyFailed("2 tables differ", "look at them")

cli.main.command("work")(lambda: console.run_verb(verb, "work", False))
cli.start()
"""
"""A verb that says a lot, and then ends well or not."""


def unread(*command: str | Path, closed: tuple[str, ...], lost: bool = False) -> tuple[int, str]:
    """Run a command whose readers are gone before it says anything.

    Args:
        command: argv.
        closed: which of its outputs nobody reads.
        lost: they are a terminal that was closed, not a pipe.

    Returns:
        Its exit code, and what it said where somebody still reads.
    """
    reader, writer = os.openpty() if lost else os.pipe()
    os.close(reader)
    outputs = {name: writer if name in closed else subprocess.PIPE for name in EVERY}
    env = {"PATH": os.defpath, "HOME": "/nowhere", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=env, text=True, check=False, **outputs)  # type: ignore[call-overload]
    os.close(writer)
    return done.returncode, (done.stdout or "") + (done.stderr or "")


@pytest.mark.parametrize("closed", [("stdout",), ("stderr",), EVERY], ids=" and ".join)
@pytest.mark.parametrize(("fails", "code"), [(False, 0), (True, 4)])
def test_a_run_that_nobody_reads_ends_with_its_report_and_its_code(
    tmp_path: Path, fails: bool, code: int, closed: tuple[str, ...]
) -> None:
    words = WORK.replace("FAILS", str(fails))
    ended, said = unread(sys.executable, "-c", words, tmp_path, "work", closed=closed)
    assert ended == code
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["proofs"]["work"]["words"] == "done to its end"
    assert (report["error"] or {"exit_code": 0})["exit_code"] == code


def test_a_run_whose_terminal_is_gone_ends_with_its_report_and_its_code(tmp_path: Path) -> None:
    words = WORK.replace("FAILS", "False")
    assert unread(sys.executable, "-c", words, tmp_path, "work", closed=EVERY, lost=True) == (0, "")
    assert json.loads((tmp_path / "run.json").read_text())["error"] is None


@pytest.mark.parametrize(("words", "code"), [(("--help",), 0), (("backups",), 2), (("nonsense",), 2)])
def test_what_is_only_shown_ends_with_its_code_and_without_a_traceback(
    words: tuple[str, ...], code: int
) -> None:
    ended, said = unread(QUICKDATA, *words, closed=("stdout",))
    assert (ended, "Traceback" in said) == (code, False)
    assert unread(QUICKDATA, *words, closed=EVERY) == (code, "")
    assert unread("bash", "-c", 'exec "$0" "$@" >&- 2>&-', QUICKDATA, *words, closed=()) == (code, "")
