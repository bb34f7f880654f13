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
        (("postgresql/recovery/1a2b3c4d/stage",), {}, True),
    ],
    ids=[
        "a new database",
        "an existing one",
        "one that takes them",
        "one that shall",
        "a new one that shall not",
        "a folder without a database",
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


def test_without_its_volume_no_database_is_taken_for_a_new_one(playbooks: Workspace, tmp_path: Path) -> None:
    (playbooks.path / "ansible/default.yml").write_text(PLAYBOOK)
    given = {"data_dir": str(tmp_path), "swarm_volume_id": "vol-0123456789abcdef0"}
    done = playbooks.play("default", "-e", json.dumps(given))
    assert done.exit_code != 0 and "is not a mountpoint" in done.output
    assert not list(tmp_path.iterdir())


def test_a_local_node_never_takes_physical_backups(playbooks: Workspace) -> None:
    done = playbooks.play("swarm", "-e", json.dumps({"quickdata_pitr": True}))
    assert done.exit_code == 0, done.output
    data = playbooks.node("database", "srv/quickdata")
    assert sorted(each.name for each in data.iterdir()) == ["nocodb", "postgresql"]


@pytest.mark.parametrize("value", [None, "ture"], ids=["empty", "mistyped"])
def test_a_value_that_is_neither_true_nor_false_is_refused_before_anything_runs(
    playbooks: Workspace, value: str | None
) -> None:
    """Ansible reads both as false, which would turn physical backups off and lose the WAL that waits."""
    done = playbooks.play("check", "-e", json.dumps({"quickdata_pitr": value}))
    assert (
        done.exit_code != 0
        and "Set quickdata_pitr in group_vars/all/main.yml to true or false" in done.output
    )
    assert playbooks.play("check", "-e", json.dumps({"quickdata_pitr": False})).exit_code == 0
