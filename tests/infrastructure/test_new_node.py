"""The time from which the checks of the backups count: when the node was set up."""

import pytest
import yaml

from tests.support.ansible_workspace import Workspace

PLAYBOOK = """
- hosts: databases
  gather_facts: false
  tasks:
    - name: The directories
      ansible.builtin.import_role: {name: pg_backup, tasks_from: directories.yml}
    - name: The configuration
      ansible.builtin.import_role: {name: pg_backup, tasks_from: configuration.yml}
"""


@pytest.fixture(autouse=True)
def written_last(playbooks: Workspace) -> None:
    """The playbook `new`: the directories first, and the configuration last."""
    tasks = playbooks.path / "ansible/roles/pg_backup/tasks"
    program = yaml.safe_load((tasks / "program.yml").read_text())
    written = [task for task in program if task["name"].startswith("Write the program's configuration")]
    (tasks / "configuration.yml").write_text(yaml.safe_dump(written))
    (playbooks.path / "ansible/new.yml").write_text(PLAYBOOK)


def test_the_first_deployment_notes_when_the_node_was_set_up_and_a_later_one_leaves_it(
    playbooks: Workspace,
) -> None:
    assert playbooks.play("new").changed == 2
    file = playbooks.node("database", "var/lib/quickdata/set-up")
    first = file.stat().st_mtime_ns
    assert f"SET_UP='{file}'\n" in playbooks.node("database", "etc/quickdata/pg-backup.conf").read_text()
    assert playbooks.play("new").changed == 0
    assert file.stat().st_mtime_ns == first


def test_a_node_that_an_earlier_version_has_set_up_is_not_taken_for_a_new_one(playbooks: Workspace) -> None:
    """Its alarm may ring already, and must go on."""
    configuration = playbooks.node("database", "etc/quickdata/pg-backup.conf")
    file = playbooks.node("database", "var/lib/quickdata/set-up")
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text("BACKUP_BUCKET='of-an-earlier-version'\n")
    file.unlink(missing_ok=True)
    assert playbooks.play("new").changed > 0
    assert "SET_UP=" in configuration.read_text() and not file.exists()


def test_a_first_deployment_that_ended_halfway_keeps_its_time(playbooks: Workspace) -> None:
    configuration = playbooks.node("database", "etc/quickdata/pg-backup.conf")
    file = playbooks.node("database", "var/lib/quickdata/set-up")
    for each in (configuration, file):
        each.unlink(missing_ok=True)
    assert playbooks.play("new").changed == 2
    first = file.stat().st_mtime_ns
    configuration.unlink()
    assert playbooks.play("new").changed == 1, "the configuration"
    assert file.stat().st_mtime_ns == first
