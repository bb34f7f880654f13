"""Which databases take physical backups when nobody has said so."""

import json
from pathlib import Path

import pytest

from tests.support.ansible_workspace import Workspace

PLAYBOOK = """
- hosts: databases
  gather_facts: false
  tasks:
    - name: Physical backups
      ansible.builtin.import_role: {name: swarm, tasks_from: pitr.yml}
"""


@pytest.mark.parametrize(
    ("there", "given", "on"),
    [
        ((), {}, True),
        (("postgresql/18/docker/PG_VERSION",), {}, False),
        (("postgresql/18/docker/PG_VERSION", "pitr"), {}, True),
        (("postgresql/18/docker/PG_VERSION",), {"quickdata_pitr": True}, True),
        ((), {"quickdata_pitr": False}, False),
    ],
    ids=[
        "a new database",
        "an existing one",
        "one that takes them",
        "one that shall",
        "a new one that shall not",
    ],
)
def test_a_new_database_takes_physical_backups_and_an_existing_one_goes_on(
    playbooks: Workspace, tmp_path: Path, there: tuple[str, ...], given: dict[str, bool], on: bool
) -> None:
    for each in there:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    (playbooks.path / "ansible/default.yml").write_text(PLAYBOOK)
    done = playbooks.play("default", "-e", json.dumps({"data_dir": str(tmp_path), **given}))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "pitr").exists() is on
