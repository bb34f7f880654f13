"""The playbooks as ansible-lint and systemd judge them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.ansible_workspace import ANSIBLE, TOOLS, make_workspace


def test_ansible_lint_finds_nothing_in_its_production_profile() -> None:
    environment = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    argv = [str(TOOLS / "ansible-lint"), "--profile", "production", "--offline", "--nocolor"]
    done = subprocess.run(argv, check=False, cwd=ANSIBLE, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze, which judges units, is missing"
)
def test_systemd_looks_at_the_age_of_the_backups_where_it_runs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    without = workspace.play("backup")
    assert without.exit_code == 0, without.output
    workspace.node("database", "run/systemd/system").mkdir(parents=True)
    runs = [workspace.play("backup") for _ in range(2)]
    assert [(run.exit_code, run.changed) for run in runs] == [(0, 1), (0, 0)], runs[0].output
    units = sorted(workspace.node("database", "etc/systemd/system").iterdir())
    assert [unit.name for unit in units] == [
        f"quickdata-pg-backup-age.{kind}" for kind in ("service", "timer")
    ]
    judged = workspace.command("systemd-analyze", "verify", "--man=no", *map(str, units))
    assert (judged.exit_code, judged.output) == (0, "")
