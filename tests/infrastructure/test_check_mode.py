"""The playbooks in check mode: a command that only reads does not make a plan uncertain."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ansible_workspace import ANSIBLE

NEVER_PLANNED = {"nocodb/tasks/services.yml", "nocodb/tasks/resume.yml", "nocodb/tasks/scale.yml"}
"""deploy.yml includes the first two only outside check mode, and no plan runs the third one."""


def planned() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tasks that a plan may run, each with its file's name."""
    for file in sorted((*ANSIBLE.glob("roles/*/tasks/*.yml"), *ANSIBLE.glob("tasks/*.yml"))):
        name = str(Path(*file.parts[-3:]))
        if name not in NEVER_PLANNED:
            yield from ((name, task) for task in flat(yaml.safe_load(file.read_text())))


def flat(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield tasks, and those of their blocks."""
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from flat(task.get(part, []))


def reads(task: dict[str, Any]) -> bool:
    """Tell whether a task is a command that changes nothing on the node."""
    command = task.get("ansible.builtin.command") or task.get("ansible.builtin.shell") or {}
    return bool(command) and task.get("changed_when") is False and "removes" not in command


READING = {f"{file}: {task['name']}": task for file, task in planned() if reads(task)}


@pytest.mark.parametrize("name", READING)
def test_a_command_that_only_reads_runs_in_check_mode_or_says_that_it_does_not(name: str) -> None:
    """Ansible skips it otherwise, and the plan says that it cannot be predicted."""
    task = READING[name]
    assert task.get("check_mode") is False or "not ansible_check_mode" in str(task.get("when"))


def test_commands_that_only_read_are_found() -> None:
    assert {
        "nocodb/tasks/data.yml: The data volume is mounted",
        "swarm/tasks/volume.yml: Read the content of the volume",
    } <= READING.keys()
