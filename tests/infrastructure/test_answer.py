"""A node is used when cloud-init has ended there; a small program stands in its place."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.ansible.check_mode import read_prediction
from pipeline.steps.output import warnings
from pipeline.steps.step import Result, Step
from tests.support.ansible_workspace import TOOLS, Workspace

PLAYBOOK = """
- hosts: all
  gather_facts: false
  environment: {PATH: "{{ programs }}"}
  tasks:
    - name: Wait for the node
      ansible.builtin.import_tasks: tasks/answer.yml
"""
ENDS = {
    "ended": "exit 0",
    "recovered": "exit 2",
    "failed": "exit 1",
    "slow": "exec /usr/bin/sleep 60",
    "used": "exit 1",
    "used-slow": "exec /usr/bin/sleep 60",
    "own-image": "exit 1",
    "own-image-slow": "exec /usr/bin/sleep 60",
    "local": "exit 1",
}
"""How each node's cloud-init ends. `without` has none, `local` is a directory.

The used ones are in the Swarm. Those from an image of one's own have its Docker, and are new.
"""
INSTALLING = ("swarm", "backup")
"""The playbooks that are the first to reach a node: both install packages, side by side."""
REFUSED = {"failed", "slow", "own-image", "own-image-slow"}
LIMIT = 3
"""How many seconds cloud-init has."""


class Nodes:
    """Nodes that are this machine, each with programs of its own."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace, self.folder = workspace, folder
        for name in (*ENDS, "without"):
            (folder / name).mkdir()
            (folder / name / "timeout").symlink_to(str(shutil.which("timeout")))
        for name, end in ENDS.items():
            self.install(name, "cloud-init", f'echo "$@" >"$0".asked\necho "status: {name}"\n{end}')
        for name in ("used", "used-slow"):
            swarm = folder / name / "var/lib/docker/swarm"
            swarm.mkdir(parents=True)
            (swarm / "docker-state.json").write_text("{}")
        for name in ("own-image", "own-image-slow"):
            self.install(name, "docker", "exit 0")

    def install(self, name: str, program: str, text: str) -> None:
        path = self.folder / name / program
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def asked(self) -> dict[str, str]:
        return {each.parent.name: each.read_text() for each in self.folder.glob("*/cloud-init.asked")}

    def play(self, *options: str) -> tuple[str, dict[str, Any]]:
        """Return the output, and the figures of each node."""
        common = {"ansible_connection": "local", "ansible_become": False, "answer_limit": LIMIT}
        common["ansible_python_interpreter"] = "{{ ansible_playbook_python }}"
        hosts = {
            name: {
                "programs": str(self.folder / name),
                "node_prefix": str(self.folder / name),
                "node_is_real": name != "local",
            }
            for name in (*ENDS, "without")
        }
        files = {
            "nodes.yml": yaml.safe_dump({"all": {"vars": common, "hosts": hosts}}),
            "answer.yml": PLAYBOOK,
        }
        for name, text in files.items():
            (self.workspace.path / "ansible" / name).write_text(text)
        path = f"{TOOLS}:/usr/bin:/bin"
        run = self.workspace.play("answer", "-i", "nodes.yml", *options, PATH=path)
        return run.output, json.loads(run.output.splitlines()[-1])["stats"]


@pytest.fixture
def nodes(playbooks: Workspace, tmp_path: Path) -> Nodes:
    return Nodes(playbooks, tmp_path)


def test_a_new_node_is_refused_if_its_cloud_init_fails_and_a_used_one_never(nodes: Nodes) -> None:
    output, figures = nodes.play()
    assert {name for name, each in figures.items() if each["failures"]} == REFUSED, output
    assert not any(each["changed"] for each in figures.values())
    assert "cloud-init failed on failed (status: failed). Read /var/log/cloud-init-output.log" in output
    assert f"cloud-init did not end within {LIMIT} seconds on slow. Read" in output
    assert "reboot the node, then deploy again" in output
    said = sorted(warnings(output))
    assert [each.partition(". ")[0] for each in said] == [
        f"cloud-init did not end within {LIMIT} seconds on used-slow",
        "cloud-init failed on used (status: used)",
    ]
    assert all("is in the Swarm already, so it is used" in each for each in said)
    assert set(nodes.asked()) == ENDS.keys() - {"local"}, "a local node is a directory"
    assert all(words.startswith("status --wait") for words in nodes.asked().values())


def test_of_two_playbooks_that_wait_for_a_node_one_warns(nodes: Nodes) -> None:
    output, figures = nodes.play("-e", "{answer_warns: false}", "--limit", "used")
    assert not figures["used"]["failures"], output
    assert not list(warnings(output))


def test_check_mode_waits_for_nothing(nodes: Nodes) -> None:
    output, figures = nodes.play("--check")
    assert not any(each["failures"] for each in figures.values()), output
    assert nodes.asked() == {}
    assert read_prediction(Result(Step("check mode", ()), 0, output, "", 0.0)).unknown == ()


@pytest.mark.parametrize("playbook", INSTALLING)
def test_a_playbook_that_installs_packages_waits_for_cloud_init_first(
    playbooks: Workspace, playbook: str
) -> None:
    run = playbooks.play(playbook, "--list-tasks", ANSIBLE_STDOUT_CALLBACK="default")
    tasks = re.findall(r"^ {6}(.+)\tTAGS", run.output, re.MULTILINE)
    of_roles = [name for name in tasks if " : " in name]
    assert of_roles, run.output
    assert tasks.index("Refuse a new node where cloud-init has failed") < tasks.index(of_roles[0])
