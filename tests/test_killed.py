"""A run that is killed: its tools end too, its report is its own, and the next run removes what it left."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.tools import find_tofu
from tests.backup_runs import wait_for

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

STEP = """
import sys
from pathlib import Path

import anyio

from pipeline.host import HostRunner
from pipeline.progress import Progress
from pipeline.step import Step

folder, *command = sys.argv[1:]
environment = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
step = Step("probe", tuple(command), env=environment)
print("it runs", flush=True)
anyio.run(HostRunner(Path(folder), {}, Progress()).run, step)
"""

TWO = """
resource "terraform_data" "first" {}

resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "touch begun; exec sleep 600" }
}
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


def at_work(folder: Path) -> list[str]:
    """Return the programs that work in a folder."""
    found = []
    for cwd in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            found += [(cwd.parent / "comm").read_text().strip()] if cwd.readlink() == folder else []
    return found


def test_a_killed_runs_tool_is_asked_to_end(tmp_path: Path) -> None:
    run = started(STEP, str(tmp_path), "sleep", "600")
    wait_for(lambda: "sleep" in at_work(tmp_path), 30)
    kill(run)
    wait_for(lambda: "sleep" not in at_work(tmp_path), 30)


def test_a_killed_runs_tool_is_asked_to_end_and_still_saves_its_state(tmp_path: Path) -> None:
    """Without anybody who reads its words it must not die of them: OpenTofu leaves an empty state then."""
    tofu, folder = find_tofu(), tmp_path / "stack"
    assert tofu, "neither tofu nor terraform is on PATH"
    folder.mkdir()
    (folder / "main.tf").write_text(TWO)
    subprocess.run([str(tofu), "init"], cwd=folder, check=True, capture_output=True)
    run = started(STEP, str(folder), str(tofu), "apply", "-json", "-auto-approve")
    wait_for((folder / "begun").exists, 120)
    kill(run)
    wait_for(lambda: tofu.name not in at_work(folder), 60)
    state = json.loads((folder / "terraform.tfstate").read_text())
    assert [each["name"] for each in state["resources"]] == ["first", "second"]
