"""A run that is killed: its tools end too, its report is its own, and the next run removes what it left."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

RUNS = """
import sys
from pathlib import Path

import anyio

from pipeline.run import run

async def verb(progress, report):
    print("it runs", flush=True)
    await anyio.sleep(600)

run(verb, "restore", "aws", Path(sys.argv[1]) / "reports")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    return tmp_path


def started(code: str, *words: str) -> subprocess.Popen[str]:
    """Start a run, and wait until it says something."""
    command = [sys.executable, "-P", "-c", code, *words]
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}
    run = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "it runs\n"
    return run


def kill(run: subprocess.Popen[str]) -> None:
    run.kill()
    assert run.wait() == -signal.SIGKILL


def test_a_killed_runs_report_is_not_the_last_ones(checkout: Path) -> None:
    reports = checkout / "reports"
    (reports / "run.json").write_text('{"verb": "deploy", "exit_code": 0}')
    (reports / "junit.xml").write_text("<testsuite name='quickdata deploy'/>")
    kill(started(RUNS, str(checkout)))
    report = json.loads((reports / "run.json").read_text())
    assert (report["verb"], report["exit_code"], report["ended"]) == ("restore", None, None)
    assert not (reports / "junit.xml").exists()
