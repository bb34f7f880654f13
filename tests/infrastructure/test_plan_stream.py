"""Both tools' streams beside what they show of the same saved plans: every action that the gate knows."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.tofu import plan, plan_stream
from pipeline.tofu.binary import find_tofu
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import AUTOMATION, CHANGES

BEFORE = """
resource "terraform_data" "kept" { input = 1 }
resource "terraform_data" "updated" { input = 1 }
resource "terraform_data" "deleted" { input = 1 }
resource "terraform_data" "forgotten" { input = 1 }
resource "terraform_data" "replaced" { triggers_replace = 1 }
resource "terraform_data" "created_first" {
  triggers_replace = 1
  lifecycle { create_before_destroy = true }
}
resource "terraform_data" "moved_from" { input = 1 }
resource "terraform_data" "moved_and_updated_from" { input = 1 }
output "same" { value = 1 }
output "changed" { value = 1 }
"""
AFTER = """
resource "terraform_data" "kept" { input = 1 }
resource "terraform_data" "updated" { input = 2 }
removed {
  from = terraform_data.forgotten
  lifecycle { destroy = false }
}
resource "terraform_data" "replaced" { triggers_replace = 2 }
resource "terraform_data" "created_first" {
  triggers_replace = 2
  lifecycle { create_before_destroy = true }
}
resource "terraform_data" "moved" { input = 1 }
moved {
  from = terraform_data.moved_from
  to   = terraform_data.moved
}
resource "terraform_data" "moved_and_updated" { input = 2 }
moved {
  from = terraform_data.moved_and_updated_from
  to   = terraform_data.moved_and_updated
}
resource "terraform_data" "imported" {}
import {
  to = terraform_data.imported
  id = "x"
}
resource "terraform_data" "created" { input = 1 }
output "same" { value = 1 }
output "changed" { value = 2 }
"""
EVERY_ACTION = {"create", "update", "replace", "delete", "forget", "import", "move"}
TOOLS = sorted({str(path) for path in (find_tofu(), shutil.which("tofu"), shutil.which("terraform")) if path})


def run(tool: str, folder: Path, *words: str, accepted: int = 0) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), **AUTOMATION}
    done = subprocess.run([tool, *words], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, accepted), done.stdout + done.stderr
    return done.stdout


def planned(tool: str, folder: Path, *options: str) -> tuple[Plan | None, Plan]:
    """Return a plan as its run tells it, and as `show` does."""
    words = ("plan", "-json", "-detailed-exitcode", "-out=saved.tfplan", *options)
    stdout = run(tool, folder, *words, accepted=CHANGES)
    return plan_stream.read(stdout), plan.read(run(tool, folder, "show", "-json", "saved.tfplan"))


def in_order(found: Plan) -> list[tuple[str, str, str]]:
    return sorted((change.address, change.action, change.previous) for change in found.changes)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda path: Path(path).name)
def test_a_plans_own_stream_tells_every_change_that_is_shown_of_its_file(tool: str, tmp_path: Path) -> None:
    code = tmp_path / "main.tf"
    code.write_text(BEFORE)
    run(tool, tmp_path, "init")
    run(tool, tmp_path, "apply", "-auto-approve")
    code.write_text(AFTER)
    told, shown = planned(tool, tmp_path)
    assert told
    assert in_order(told) == in_order(shown)
    assert {change.action for change in told.changes} == EVERY_ACTION
    assert (told.counts(), told.outputs) == (shown.counts(), shown.outputs) and told.outputs == ("changed",)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda path: Path(path).name)
def test_the_stream_of_a_destruction_tells_all_of_it(tool: str, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(BEFORE)
    run(tool, tmp_path, "init")
    run(tool, tmp_path, "apply", "-auto-approve")
    told, shown = planned(tool, tmp_path, "-destroy")
    assert told
    assert in_order(told) == in_order(shown)
    assert {change.action for change in told.changes} == {"delete"}
