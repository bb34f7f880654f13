"""What is kept of the last runs: never wrong, never in the way."""

import json
import os
from pathlib import Path

import pytest

from pipeline.reporting.history import (
    HISTORY,
    KEPT,
    PastRun,
    PastStep,
    add_to_history,
    find_good,
    read_history,
)


def run(verb: str = "deploy", exit_code: int = 0, seconds: float = 5.0) -> PastRun:
    return PastRun(verb, "aws", exit_code, seconds, [PastStep("app: plan", 2.0, 2.5)])


def test_a_run_that_was_kept_is_read_again(tmp_path: Path) -> None:
    add_to_history(tmp_path, run())
    add_to_history(tmp_path, run("verify"))
    assert read_history(tmp_path) == [run(), run("verify")]


def test_the_last_runs_of_each_verb_are_kept_and_no_more(tmp_path: Path) -> None:
    add_to_history(tmp_path, run("rehearse"))
    for number in range(KEPT + 3):
        add_to_history(tmp_path, run(seconds=float(number)))
    kept = read_history(tmp_path)
    assert [each.seconds for each in kept if each.verb == "deploy"] == [float(n) for n in range(3, KEPT + 3)]
    assert kept[0] == run("rehearse")


def test_only_runs_of_the_same_verb_and_target_that_ended_well_say_what_is_usual() -> None:
    elsewhere = PastRun("deploy", "localstack", 0, 5.0, [])
    assert find_good([run(), run(exit_code=1), run("verify"), elsewhere], "deploy", "aws") == [run()]


def test_a_report_is_told_the_times_of_the_steps() -> None:
    assert run().summary() == {"seconds": 5.0, "steps": [{"name": "app: plan", "seconds": 2.0}]}


STEP = {"name": "x", "seconds": 1, "ended": 1}
RUN = {"verb": "deploy", "target": "aws", "exit_code": 0, "seconds": 1, "steps": [STEP]}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b'{"runs": []}',
        json.dumps([{**RUN, "seconds": -1}]).encode(),
        json.dumps([{**RUN, "seconds": float("nan")}]).encode(),
        json.dumps([{**RUN, "steps": [{**STEP, "ended": "soon"}]}]).encode(),
        json.dumps([{**RUN, "exit_code": None}]).encode(),
        json.dumps([RUN] * 50_000).encode(),
    ],
    ids=["empty", "cut", "binary", "deep", "null", "foreign", "past", "NaN", "words", "killed", "huge"],
)
def test_a_damaged_or_foreign_history_is_replaced(tmp_path: Path, text: bytes) -> None:
    (tmp_path / HISTORY).write_bytes(text)
    assert read_history(tmp_path) == []
    add_to_history(tmp_path, run())
    assert read_history(tmp_path) == [run()]


@pytest.mark.timeout(60)  # a pipe would be waited for
def test_a_history_that_cannot_be_read_or_written_is_no_failure(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / HISTORY)
    assert read_history(tmp_path) == []
    (tmp_path / HISTORY).unlink()
    (tmp_path / HISTORY).mkdir()
    add_to_history(tmp_path, run())
    assert read_history(tmp_path) == []
    assert read_history(tmp_path / "nowhere") == []
    add_to_history(tmp_path / "nowhere", run())
