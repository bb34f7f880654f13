"""The time from which the checks of the backups count: when the node was set up."""

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


def test_the_first_deployment_notes_when_the_node_was_set_up_and_a_later_one_leaves_it(
    playbooks: Workspace,
) -> None:
    tasks = playbooks.path / "ansible/roles/pg_backup/tasks"
    program = yaml.safe_load((tasks / "program.yml").read_text())
    written = [task for task in program if task["name"].startswith("Write the program's configuration")]
    (tasks / "configuration.yml").write_text(yaml.safe_dump(written))
    (playbooks.path / "ansible/new.yml").write_text(PLAYBOOK)
    assert playbooks.play("new").changed == 2
    file = playbooks.node("database", "var/lib/quickdata/set-up")
    first = file.stat().st_mtime_ns
    assert f"SET_UP='{file}'\n" in playbooks.node("database", "etc/quickdata/pg-backup.conf").read_text()
    assert playbooks.play("new").changed == 0
    assert file.stat().st_mtime_ns == first
