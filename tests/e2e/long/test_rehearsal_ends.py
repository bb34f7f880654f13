"""A rehearsal that is interrupted or fails: it says so, and leaves nothing behind."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.checkout import make_checkout, until


@pytest.mark.parametrize(
    "moment",
    ["vault", "… app: apply"],
    ids=["at the start", "in the middle of both applies"],
)
def test_a_ctrl_c_leaves_nothing_behind(tmp_path: Path, moment: str) -> None:
    checkout = make_checkout(tmp_path)
    run = checkout.start("rehearse", "--nodes", "local")
    until(run, lambda line: moment in line)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=600)
    assert run.returncode == 130, err
    assert "interrupted by SIGINT" in err
    assert "Traceback" not in err
    assert checkout.report()["error"]["exit_code"] == 130
    assert "interrupted" in [step["summary"] for step in checkout.report()["steps"]]
    assert checkout.left_behind() == []


def test_a_failing_step_ends_the_rehearsal_in_its_own_words(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    broken = 'output "broken" {\n  value = broken_on_purpose()\n}\n'
    (checkout.root / "infrastructure/terraS3/broken.tf").write_text(broken)
    run = checkout.start("rehearse", "--nodes", "local")
    _, err = run.communicate(timeout=600)
    assert run.returncode == 1
    assert "✗ rehearse: storage: " in err
    assert "broken_on_purpose" in err
    assert "Traceback" not in err
    assert checkout.left_behind() == []


def test_a_failing_playbook_ends_the_rehearsal_in_its_own_words(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    task = "{name: Break, ansible.builtin.fail: {msg: broken on purpose}}"
    playbook = f"[{{name: Broken, hosts: managers, gather_facts: false, tasks: [{task}]}}]"
    (checkout.root / "infrastructure/ansible/swarm.yml").write_text(playbook)
    run = checkout.start("rehearse", "--nodes", "local")
    _, err = run.communicate(timeout=600)
    assert run.returncode == 1
    assert "✗ rehearse: ansible: swarm.yml" in err
    assert "broken on purpose" in err
    assert "Traceback" not in err
    assert checkout.left_behind() == []


def test_a_damage_that_damages_nothing_ends_the_rehearsal_with_exit_code_4(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    undo = "DROP TABLE public.too_late; DELETE FROM public.event WHERE kind = 'late';"
    (checkout.root / "pipeline/rehearsal/damage.sql").write_text(undo)
    run = checkout.start("rehearse", "--nodes", "local")
    _, err = run.communicate(timeout=600)
    assert run.returncode == 4, err
    assert "the damage changed nothing" in err
    assert checkout.left_behind() == []
