"""A rehearsal that is interrupted or fails: it says so, and leaves nothing behind."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import make_checkout


def until(run: subprocess.Popen[str], seen: Callable[[str], bool]) -> str:
    """Read the run's progress until a line is seen; return all that was read."""
    assert run.stderr is not None
    read = []
    for line in run.stderr:
        read.append(line)
        if seen(line):
            return "".join(read)
    raise AssertionError("".join(read))


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGINT, "… app: apply"), (signal.SIGTERM, "app: outputs"), (signal.SIGINT, "vault")],
    ids=["Ctrl-C in the middle of both applies", "SIGTERM in a playbook", "Ctrl-C at the start"],
)
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    checkout = make_checkout(tmp_path)
    run = checkout.start("rehearse")
    until(run, lambda line: moment in line)
    os.killpg(run.pid, number)
    _, err = run.communicate(timeout=600)
    assert run.returncode == 130, err
    assert f"interrupted by {number.name}" in err
    assert "Traceback" not in err
    assert checkout.report()["error"]["exit_code"] == 130
    assert checkout.report()["steps"][-1]["summary"] == "interrupted"
    assert checkout.left_behind() == []


def test_a_failing_playbook_ends_the_rehearsal_in_its_own_words(
    tmp_path: Path,
) -> None:
    checkout = make_checkout(tmp_path)
    task = "{name: Break, ansible.builtin.fail: {msg: broken on purpose}}"
    playbook = f"[{{name: Broken, hosts: managers, gather_facts: false, tasks: [{task}]}}]"
    (checkout.root / "infrastructure/ansible/swarm.yml").write_text(playbook)
    run = checkout.start("rehearse")
    _, err = run.communicate(timeout=600)
    assert run.returncode == 1
    assert "✗ rehearse: ansible: swarm.yml" in err
    assert "broken on purpose" in err
    assert "Traceback" not in err
    assert checkout.left_behind() == []


def test_a_damage_that_damages_nothing_proves_nothing_and_ends_with_exit_code_4(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    undo = "DROP TABLE public.too_late; DELETE FROM public.event WHERE kind = 'late';"
    (checkout.root / "pipeline/rehearsal/damage.sql").write_text(undo)
    run = checkout.start("rehearse")
    _, err = run.communicate(timeout=600)
    assert run.returncode == 4, err
    assert "damaged nothing" in err
    assert checkout.left_behind() == []
