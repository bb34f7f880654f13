"""A step that is interrupted: its tool is asked once, has time to end, and leaves nothing."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.runners import host, sessions
from pipeline.runners.host import HostRunner
from pipeline.steps.step import Result, Step
from tests.support.host_steps import python


async def test_an_interrupted_tool_gets_exactly_one_sigint_and_time_to_end(
    runner: HostRunner, tmp_path: Path
) -> None:
    code = (
        "import signal, time\n"
        "got = []\n"
        "signal.signal(signal.SIGINT, lambda *_: got.append(1))\n"
        "open('ready', 'w')\n"
        "while not got: time.sleep(0.01)\n"
        "end = time.monotonic() + 0.5\n"
        "while time.monotonic() < end: time.sleep(0.01)\n"
        "open('state', 'w').write(str(len(got)))\n"
    )
    await _cancel_when(runner, python(code), (tmp_path / "ready").exists)
    assert (tmp_path / "state").read_text() == "1"


BEGUN = json.dumps({"type": "apply_start", "hook": {"resource": {"addr": "a.one"}}})


@pytest.mark.parametrize("begins", [True, False], ids=["begun", "never begins"])
async def test_what_creates_is_interrupted_only_when_it_has_begun_or_takes_too_long(
    runner: HostRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: bool
) -> None:
    monkeypatch.setattr(host, "ANSWERED", 0.3)
    monkeypatch.setattr(host, "SETTLING", 2.0)
    code = (
        "import signal, time\n"
        "began, got, end = [], [], time.monotonic() + 0.6\n"
        "signal.signal(signal.SIGINT, lambda *_: got.append(len(began)))\n"
        "open('ready', 'w')\n"
        "while not got:\n"
        f"    if {begins} > len(began) and time.monotonic() > end:\n"
        f"        began.append(print({BEGUN!r}, flush=True))\n"
        "    time.sleep(0.01)\n"
        "open('state', 'w').write(f'{got} {time.monotonic() - end:.1f}')\n"
    )
    step = python(code, stream="tofu-json", creates=True)
    await _cancel_when(runner, step, (tmp_path / "ready").exists)
    begun, seconds = (tmp_path / "state").read_text().split()
    assert begun == ("[1]" if begins else "[0]")
    assert float(seconds) >= (0.3 if begins else 1.0)


async def test_a_tool_that_says_much_while_it_ends_is_heard_out(runner: HostRunner, tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    print('x' * 1_000_000, flush=True)\n"
        "    open('state', 'w').write('written')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "open('ready', 'w')\n"
        "while True: time.sleep(0.05)\n"
    )
    await _cancel_when(runner, python(code), (tmp_path / "ready").exists)
    assert (tmp_path / "state").read_text() == "written"


async def test_a_tool_that_reads_no_input_is_asked_to_end_not_killed(
    runner: HostRunner, tmp_path: Path
) -> None:
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    open('state', 'w').write('written')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "open('ready', 'w')\n"
        "while True: time.sleep(0.05)\n"
    )
    more_than_a_pipe_holds = "x" * 1_000_000
    step = python(code, stdin=more_than_a_pipe_holds)
    await _cancel_when(runner, step, (tmp_path / "ready").exists)
    assert (tmp_path / "state").read_text() == "written"


async def test_a_tool_is_not_started_after_the_interrupt(runner: HostRunner, tmp_path: Path) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await runner.run(python("open('started', 'w')"))
    assert scope.cancelled_caught
    assert not (tmp_path / "started").exists()


async def test_an_interrupt_reaches_what_the_tool_started(runner: HostRunner, tmp_path: Path) -> None:
    code = (
        "import subprocess as s; p = s.Popen(['sleep', '60']); open('pid', 'w').write(str(p.pid)); p.wait()"
    )
    await _cancel_when(
        runner, python(code), lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()
    )
    pid = int((tmp_path / "pid").read_text())
    assert _ended(pid)


WORKER = """
import signal, sys, time
def end(*_):
    time.sleep(0.5)
    open('tidied', 'w')
    sys.exit(1)
signal.signal(signal.SIGINT, {handler})
open('ready', 'w')
while True: time.sleep(0.01)
"""
LIKE_ANSIBLE = """
import os, signal, subprocess, sys
worker = subprocess.Popen([sys.executable, '-c', {worker!r}], start_new_session=True)
open('pid', 'w').write(str(worker.pid))
def tell(*_):
    os.killpg(worker.pid, signal.SIGINT)
    os._exit(1)
signal.signal(signal.SIGINT, tell)
worker.wait()
"""


async def test_an_interrupt_waits_for_what_the_tool_started_in_a_session_of_its_own(
    runner: HostRunner, tmp_path: Path
) -> None:
    step = python(LIKE_ANSIBLE.format(worker=WORKER.format(handler="end")))
    await _cancel_when(runner, step, (tmp_path / "ready").exists)
    assert (tmp_path / "tidied").exists()


async def test_what_ignores_an_interrupt_in_a_session_of_its_own_is_asked_again(
    runner: HostRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LIMIT", 0.5)
    step = python(LIKE_ANSIBLE.format(worker=WORKER.format(handler="signal.SIG_IGN")))
    await _cancel_when(runner, step, (tmp_path / "ready").exists)
    assert _ended(int((tmp_path / "pid").read_text()))


async def test_an_interrupted_step_leaves_no_secret_file(runner: HostRunner, tmp_path: Path) -> None:
    code = "import os, time; open('ready', 'w').write(os.environ['KEY']); time.sleep(60)"
    ready = tmp_path / "ready"
    await _cancel_when(
        runner, python(code, secret_files=("KEY",)), lambda: ready.exists() and ready.read_text()
    )
    assert not Path(ready.read_text()).exists()


async def _cancel_when(runner: HostRunner, step: Step, condition: Callable[[], object]) -> None:
    results: list[Result] = []

    async def run() -> None:
        results.append(await runner.run(step))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            while not condition():
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
    assert results == []


def _ended(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return True
    return False
