"""A run that is killed: its tools end too, its report is its own, and the next run removes what it left."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pipeline.deploy import adopt
from pipeline.machine import scratch
from pipeline.machine.repository import REPOSITORY
from pipeline.rehearsal.docker_nodes import remove_dead_ones
from pipeline.reporting.progress import Progress
from pipeline.states import migrate as migration
from pipeline.tofu.binary import find_tofu
from tests.support.backup_runs import wait_for
from tests.support.recording import RecordingRunner, deployment

RUNS = """
import sys
from pathlib import Path

import anyio

from pipeline.runners.host import HostRunner
from pipeline.cli.run import run
from pipeline.machine.scratch import scratch
from pipeline.steps.step import Step

async def verb(progress, report):
    with scratch() as directory:
        print(directory, flush=True)
        step = Step("probe", ("sleep", "600"), secret_files=("KEY",))
        await HostRunner(Path(sys.argv[1]), {"KEY": "sesame"}, progress).run(step)

run(verb, "restore", "aws", Path(sys.argv[1]) / "reports")
"""

NEXT = RUNS.replace("600", "0")

STEP = """
import sys
from pathlib import Path

import anyio

from pipeline.runners.host import HostRunner
from pipeline.reporting.progress import Progress
from pipeline.steps.step import Step

folder, *command = sys.argv[1:]
environment = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
step = Step("probe", tuple(command), env=environment)
print("it runs", flush=True)
anyio.run(HostRunner(Path(folder), {}, Progress()).run, step)
"""

THREADS = """
import threading
import time

for _ in range(16):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""

COUNTS = """
import signal, sys, time

def write(text):
    with open(sys.argv[1], "a") as file:
        file.write(text)

signal.signal(signal.SIGTERM, lambda *_: write(" asked"))
write("begun")
signal.pause()
time.sleep(1)
write(" over")
"""
"""A tool that notes every signal until a second after the first; another comes within milliseconds."""

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
    """Start a run in a folder, the first word, and wait until it says something."""
    run = subprocess.Popen(typed(code, *words), env=environment(words[0]), stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline()
    return run


def typed(code: str, *words: str) -> list[str]:
    return [sys.executable, "-P", "-c", code, *words]


def environment(folder: str) -> dict[str, str]:
    temporary = Path(folder, "tmp")
    temporary.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(temporary)}


def next_run(checkout: Path) -> str:
    """Run to the end; return what it says."""
    folder = str(checkout)
    done = subprocess.run(
        typed(NEXT, folder), env=environment(folder), text=True, capture_output=True, check=True
    )
    return done.stderr


@contextmanager
def living(checkout: Path) -> Iterator[None]:
    """Have a run in a checkout that has laid down a secret; it is killed in the end."""
    run = started(RUNS, str(checkout))
    try:
        wait_for(lambda: "sleep" in at_work(checkout))
        yield
    finally:
        kill(run)


def kill(run: subprocess.Popen[str]) -> None:
    run.kill()
    assert run.wait() == -signal.SIGKILL


def at_work(folder: Path) -> list[str]:
    """Return the programs that work in a folder."""
    found = []
    for cwd in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            found += [(cwd.parent / "comm").read_text().strip()] if cwd.readlink() == folder else []
    return found


def test_a_killed_runs_report_is_not_the_last_ones(checkout: Path) -> None:
    reports = checkout / "reports"
    (reports / "run.json").write_text('{"verb": "deploy", "exit_code": 0}')
    (reports / "junit.xml").write_text("<testsuite name='quickdata deploy'/>")
    (reports / "index.html").write_text("<h1>Proven</h1>")
    killed = started(RUNS, str(checkout))
    wait_for(lambda: "sleep" in at_work(checkout))
    kill(killed)
    report = json.loads((reports / "run.json").read_text())
    assert (report["verb"], report["exit_code"], report["ended"]) == ("restore", None, None)
    assert not (reports / "junit.xml").exists()
    page = (reports / "index.html").read_text()
    assert ("restore" in page, "Not ended" in page, "Proven" in page) == (True, True, False)


def test_a_killed_runs_tool_is_asked_to_end_once_however_many_threads_the_run_had(tmp_path: Path) -> None:
    """OpenTofu takes a second signal as an order to drop the state that it has not written."""
    counted = tmp_path / "counted"
    run = started(THREADS + STEP, str(tmp_path), sys.executable, "-c", COUNTS, str(counted))
    wait_for(counted.exists, 30)
    kill(run)
    wait_for(lambda: counted.read_text().endswith("over"), 120)
    assert counted.read_text() == "begun asked over"


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


# --- what the next run removes ---


def directories(checkout: Path) -> set[str]:
    return {path.name for path in (checkout / "tmp").iterdir()}


def secrets(checkout: Path) -> set[str]:
    return {path.name for path in (checkout / ".secrets").iterdir()}


def test_the_next_run_removes_a_killed_ones_directory_and_neither_a_living_ones_nor_a_users(
    checkout: Path,
) -> None:
    with living(checkout):
        [alive] = directories(checkout)
        killed = started(RUNS, str(checkout))
        wait_for(lambda: at_work(checkout).count("sleep") == 2)
        kill(killed)
        [dead] = directories(checkout) - {alive}
        (checkout / "tmp/quickdata-of-mine").mkdir()
        (checkout / "tmp/quickdata-elsewhere").symlink_to(checkout / "tmp" / dead)
        said = next_run(checkout)
    assert f"removed {checkout}/tmp/{dead}, which a killed run had left" in said
    assert directories(checkout) == {alive, "quickdata-of-mine", "quickdata-elsewhere"}


def test_the_next_run_removes_a_killed_ones_secrets_but_not_beside_a_living_one(checkout: Path) -> None:
    with living(checkout):
        [used] = secrets(checkout)
        dead = started(RUNS, str(checkout))
        wait_for(lambda: at_work(checkout).count("sleep") == 2)
        kill(dead)
        next_run(checkout)
        assert len(secrets(checkout)) > 1
        assert used in secrets(checkout)
    next_run(checkout)
    assert secrets(checkout) == set()


async def test_the_next_run_removes_what_every_verb_may_leave_in_the_checkout_and_nothing_else(
    checkout: Path,
) -> None:
    stack, d = checkout / "infrastructure/terraform", deployment(RecordingRunner())
    moving = [f"infrastructure/terraform/.terraform/moving-{each}" for each in ("local", "s3", "gitlab")]
    moving.append("infrastructure/terraform/.terraform/forecast-0123abcd")
    ours = [
        d.plan_file,
        adopt.IMPORTS,
        ".backend_override.tf.4711.draft",
        "../ansible/.inventory.yml.1.draft",
    ]
    mine = [".terraform/providers", "mine.tfplan", "main.tf", "terraform.tfstate", "../ansible/.x.draft"]
    (stack / ".terraform/providers").mkdir(parents=True)
    (stack / "../ansible").mkdir()
    for folder in moving:
        (checkout / folder).mkdir()
        (checkout / folder / migration.BACKEND).touch()
    for name in (*ours, *mine[1:]):
        (stack / name).touch()
    for name in (".run.json.4711.draft", "faults.xml"):
        (checkout / "reports" / name).touch()
    said = next_run(checkout)
    assert [name for name in ours if (stack / name).exists()] == []
    assert [name for name in moving if (checkout / name).exists()] == []
    assert [name for name in mine if not (stack / name).exists()] == []
    assert {each.name for each in (checkout / "reports").iterdir()} == {
        ".lock",
        "faults.xml",
        "history.json",
        "index.html",
        "junit.xml",
        "run.json",
    }
    assert said.count(", which a killed run had left") == len(ours) + len(moving) + 1


async def test_the_next_rehearsal_removes_a_killed_ones_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, docker = tmp_path / "tmp/quickdata-dead", tmp_path / "docker"
    left.mkdir(parents=True)
    (left / scratch.MARK).touch()
    (left / scratch.NODES).write_text("quickdata-0123abcd")
    monkeypatch.setattr("tempfile.tempdir", str(left.parent))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    docker.touch(0o755)

    docker.write_text("#!/bin/sh\nexit 1\n")
    assert scratch.remove_dead() == []
    await remove_dead_ones(Progress())
    assert left.exists(), "without Docker nobody would know the nodes any more"

    docker.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    await remove_dead_ones(Progress())
    assert "ps --all --quiet --filter label=quickdata.rehearsal=quickdata-0123abcd" in (
        (tmp_path / "asked").read_text()
    )
    assert not left.exists()
