"""A run as it is watched: at a real terminal, interrupted there, and where there is none."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pexpect
import pytest

from pipeline.cli.run import REMOVAL_LIMIT, run
from pipeline.errors import Interrupted
from pipeline.rehearsal import docker_nodes
from pipeline.reporting.history import PastRun, PastStep, add_to_history, read_history
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.host import ENDING_LIMIT
from pipeline.servers import image, process
from pipeline.steps.step import Step

WORK = """
import sys
from pathlib import Path
from pipeline import cli
from pipeline.cli import console
from pipeline.deployment import run_and_record
from pipeline.runners.host import HostRunner
from pipeline.steps.step import Step

console.REPORTS = Path("reports")
TOOL = '''
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("task 7: configure the node", flush=True)
open("gate", "rb", buffering=0).read(1)
'''

async def verb(call):
    call.progress.note("it begins")
    if "vault" in sys.argv:
        call.progress.note(f"typed {len(call.given['VAULT_PASSWORD'])} characters")
    if "ask" in sys.argv:
        await call.confirm("Destroy it?", False, "what would go")
    step = Step("slow: apply", (sys.executable, "-c", TOOL))
    (await run_and_record(HostRunner(Path().absolute(), {}, call.progress), call.report, step)).check()
    call.report.prove("work", "42 rows compared")

loose = {"ignore_unknown_options": True, "allow_extra_args": True}
cli.main.command("work", context_settings=loose)(
    lambda: console.run_verb(verb, "verify", "verbose" in sys.argv, "vault" in sys.argv)
)
cli.start()
"""
"""A verb with one step, which ignores an interrupt and ends when its gate is opened."""

LONG = PastRun("verify", "aws", 0, 200.0, [PastStep("slow: apply", 150.0, 190.0)])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "reports").mkdir()
    os.mkfifo(tmp_path / "gate")
    held = os.open(tmp_path / "gate", os.O_RDWR)  # what is written stays until the step reads it
    yield tmp_path
    os.close(held)


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", WORK, "work", *words]


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": "/nowhere", "LC_ALL": "C.UTF-8", "TERM": "xterm", **more}


def terminal(place: Path, *words: str, **env: str) -> pexpect.spawn:
    python, *rest = command(*words)
    size = (24, 80)
    return pexpect.spawn(
        python, rest, 60, cwd=str(place), env=environment(**env), encoding="utf-8", dimensions=size
    )


def open_gate(place: Path) -> None:
    (place / "gate").write_text("x")


def ended(child: pexpect.spawn) -> tuple[int | None, str]:
    """Return its exit code, and what it said since the last thing that was expected."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, str(child.before)


def report(place: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((place / "reports/run.json").read_text())
    return found


def test_a_terminal_shows_what_runs_and_how_much_is_left_at_any_size(place: Path) -> None:
    add_to_history(place / "reports", LONG)
    child = terminal(place)
    child.expect(r"slow: apply  \d+ s of usually 2:30  task 7: configure the node")
    child.expect(r"step 1 of about 1 · \d+ s passed · about 3 min left")
    child.setwinsize(8, 40)
    child.expect(r"slow: apply  \d+ s  task 7: configure")
    child.expect("step 1 of about 1 · about 3 min left")
    child.setwinsize(50, 200)
    child.expect("of usually 2:30")
    open_gate(place)
    child.expect(r"✓.* slow: apply +\d+\.\d s")
    child.expect("PROVEN in .*: the backup restores")
    code, rest = ended(child)
    assert (code, "✓ work: 42 rows compared" in rest) == (0, True)
    assert [run.exit_code for run in read_history(place / "reports")] == [0, 0]
    assert report(place)["previous"] == LONG.summary()


def test_the_first_run_promises_no_end(place: Path) -> None:
    child = terminal(place)
    child.expect(r"step 1 · \d+ s passed")
    open_gate(place)
    code, said = ended(child)
    assert (code, "left" in said, "usually" in said) == (0, False, False)


def test_the_tools_own_lines_stand_above_the_live_ones(place: Path) -> None:
    child = terminal(place, "verbose")
    child.expect(r"slow: apply \| task 7: configure the node\r\n")
    child.expect(r"slow: apply  \d+ s")
    open_gate(place)
    assert ended(child)[0] == 0


def test_ctrl_c_says_what_is_being_finished_and_a_second_one_cuts_nothing_off(place: Path) -> None:
    child = terminal(place)
    child.expect("task 7")
    child.sendintr()
    child.expect("Ctrl-C: the run is ending")
    child.expect("Being finished: slow: apply")
    child.expect("at most 5 minutes")
    child.expect("Then temporary files and servers of this run are removed: at most 4 minutes")
    child.expect("the run is ending · . s since the interrupt")
    child.sendintr()
    child.expect("Ctrl-C again: the run is already ending")
    open_gate(place)
    child.expect("INTERRUPTED after .*: verify")
    code, rest = ended(child)
    assert (code, "interrupted by SIGINT: everything that ran has ended" in rest) == (130, True)
    written = report(place)
    assert written["exit_code"] == 130
    assert [step["summary"] for step in written["steps"]] == ["interrupted"]  # type: ignore[attr-defined]


def test_ctrl_c_without_a_step_says_how_long_the_removal_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def verb(_progress: Progress, _report: Report) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await anyio.sleep_forever()

    with pytest.raises(Interrupted):
        run(verb, "verify", "aws", tmp_path / "reports")
    removal = "Temporary files and servers of this run are being removed: at most 4 minutes."
    assert f"No step is running. {removal}" in capsys.readouterr().err


def test_the_times_after_ctrl_c_are_those_after_which_the_code_gives_up() -> None:
    servers = 3 * 2 * process.STOP_LIMIT  # LocalStack, the database of local nodes, the server of a drill
    assert servers + image.REMOVAL_LIMIT + docker_nodes.REMOVAL_LIMIT == REMOVAL_LIMIT <= 4 * 60
    assert 4 * 60 < ENDING_LIMIT <= 5 * 60


def test_ctrl_c_at_a_question_ends_the_run_with_a_report_that_nothing_was_done(place: Path) -> None:
    child = terminal(place, "ask")
    child.expect(r"Destroy it\? \[y/N\]: ")
    child.sendintr()
    code, said = ended(child)
    assert code == 130
    assert said.startswith("^C\r\n")
    assert "INTERRUPTED after" in said
    assert "interrupted by SIGINT at a question: nothing was done" in said
    written = report(place)
    assert (written["exit_code"], written["steps"]) == (130, [])


def test_ctrl_c_at_the_question_for_the_vault_s_password_is_reported_like_any_other(place: Path) -> None:
    child = terminal(place, "vault")
    child.expect("Vault password: ")
    child.sendintr()
    code, said = ended(child)
    assert code == 130
    assert "INTERRUPTED after" in said
    assert "interrupted by SIGINT at a question: nothing was done" in said
    assert (report(place)["exit_code"], report(place)["steps"]) == (130, [])


def test_the_vault_s_password_is_not_shown_while_it_is_typed(place: Path) -> None:
    child = terminal(place, "vault")
    child.expect("Vault password: ")
    child.sendline("canary é")
    child.expect("typed 8 characters")
    assert "canary" not in str(child.before)
    open_gate(place)
    code, said = ended(child)
    assert (code, "canary" in said) == (0, False)


def test_ctrl_c_while_the_report_is_written_cuts_nothing_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = Report.write

    def interrupted(report: Report, directory: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        write(report, directory)

    async def verb(_progress: Progress, report: Report) -> None:
        report.prove("work", "42 rows compared")

    monkeypatch.setattr(Report, "write", interrupted)
    run(verb, "verify", "aws", tmp_path / "reports")
    assert report(tmp_path)["exit_code"] == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_report_has_the_last_good_run_that_went_alike(tmp_path: Path) -> None:
    async def verb(progress: Progress, _report: Report) -> None:
        step = Step("slow: apply", ("tool",))
        progress.begin_step(step)
        progress.end_step(step, None)

    other = PastRun("verify", "aws", 0, 1200.0, [PastStep("nodes: image", 60.0, 60.0)])
    (tmp_path / "reports").mkdir()
    for past in (LONG, other):
        add_to_history(tmp_path / "reports", past)
    run(verb, "verify", "aws", tmp_path / "reports")
    assert report(tmp_path)["previous"] == LONG.summary()


def test_no_at_a_question_is_no_failure_to_prove_anything(place: Path) -> None:
    child = terminal(place, "ask")
    child.expect(r"Destroy it\? \[y/N\]: ")
    child.sendline("n")
    code, said = ended(child)
    assert (code, "NOT DONE: verify was not confirmed" in said) == (1, True)


@pytest.mark.parametrize(
    "env",
    [{}, {"FORCE_COLOR": "1"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["pipe", "colour forced", "ASCII"],
)
def test_a_pipe_gets_one_line_a_step_in_its_own_encoding(place: Path, env: dict[str, str]) -> None:
    add_to_history(place / "reports", LONG)
    (place / "tofu").write_text("#!/bin/sh\necho '│ OpenTofu'")
    (place / "tofu").chmod(0o755)
    open_gate(place)
    env = environment(PATH=f"{place}:{os.defpath}", **env)
    done = subprocess.run(command(), cwd=place, env=env, capture_output=True, check=False)
    plain = env["LC_ALL"] == "C"
    out, err = (each.decode("ascii" if plain else "utf-8") for each in (done.stdout, done.stderr))
    mark = "ok" if plain else "✓"
    first, step, verdict, where = err.splitlines()
    assert first == "it begins"
    assert step.startswith(f"{mark} slow: apply ") or "FORCE_COLOR" in env
    assert step.endswith(" s  (step 1 of about 1, a few seconds left)")
    assert verdict.startswith("PROVEN in ")
    assert where == "The report is reports/index.html"
    assert out == f"{mark} work: 42 rows compared\n"
    assert done.returncode == 0
    assert report(place)["facts"]["versions"]["tofu"] == "│ OpenTofu"  # type: ignore[index]


def test_a_dumb_terminal_gets_plain_lines(place: Path) -> None:
    child = terminal(place, TERM="dumb")
    open_gate(place)
    code, said = ended(child)
    assert (code, "\x1b" in said) == (0, False)
    assert len([line for line in said.splitlines() if "slow: apply" in line]) == 1


def test_without_colours_the_live_lines_have_none(place: Path) -> None:
    child = terminal(place, NO_COLOR="1")
    child.expect("task 7")
    open_gate(place)
    code, said = ended(child)
    assert (code, "\x1b[32m" in said) == (0, False)
    assert "✓ slow: apply" in said
