"""A node is used when cloud-init has ended there; a small program stands in its place."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ansible_workspace import TOOLS, Workspace

PLAYBOOK = """
- hosts: all
  gather_facts: false
  environment: {PATH: "{{ programs }}:/usr/bin:/bin"}
  tasks:
    - name: Wait for the node
      ansible.builtin.import_tasks: tasks/answer.yml
"""
CODES = {"ended": 0, "recovered": 2, "failed": 1, "local": 1}
"""The exit code of each node's cloud-init; `without` has none, and `local` is a directory of this machine."""


class Nodes:
    """Nodes that are this machine, each with its own cloud-init."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace, self.folder = workspace, folder
        for name, code in CODES.items():
            (folder / name).mkdir()
            program = folder / name / "cloud-init"
            program.write_text(f'#!/bin/sh\necho "$@" >"$0".asked\necho "status: {name}"\nexit {code}\n')
            program.chmod(0o755)

    def asked(self) -> dict[str, str]:
        return {each.parent.name: each.read_text() for each in self.folder.glob("*/cloud-init.asked")}

    def play(self, *options: str) -> tuple[str, dict[str, Any]]:
        """Return the output, and the figures of each node."""
        common = {"ansible_connection": "local", "ansible_become": False}
        common["ansible_python_interpreter"] = "{{ ansible_playbook_python }}"
        hosts = {
            name: {"programs": str(self.folder / name), "node_is_real": name != "local"}
            for name in (*CODES, "without")
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


def test_a_node_is_used_unless_its_cloud_init_has_failed(nodes: Nodes) -> None:
    output, figures = nodes.play()
    assert {name for name, each in figures.items() if each["failures"]} == {"failed"}, output
    assert not any(each["changed"] for each in figures.values())
    assert "cloud-init failed on failed (status: failed)" in output
    assert "reboot the node, then deploy again" in output
    assert set(nodes.asked()) == {"ended", "recovered", "failed"}, "a local node is a directory"
    assert all(words.startswith("status --wait") for words in nodes.asked().values())


def test_check_mode_waits_for_nothing(nodes: Nodes) -> None:
    output, figures = nodes.play("--check")
    assert not any(each["failures"] for each in figures.values()), output
    assert nodes.asked() == {}
