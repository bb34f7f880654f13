"""Which databases take physical backups when nobody has said so, and what a missing image does to that."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.steps.failures import diagnose
from tests.support.ansible_workspace import TOOLS, Run, Workspace

PLAYBOOK = """
- hosts: managers:databases
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - name: The role, as far as it decides on physical backups
      ansible.builtin.import_role: {name: nocodb, tasks_from: first.yml}
    - name: The database's image
      ansible.builtin.debug: {var: nocodb_running_images.db}
"""
PREPARED, NOTED = "Prepare the node for physical backups", "Note that the database takes physical backups"
DOCKER = """#!/bin/sh
# A Docker without a registry: it builds an image, unless the packages are away.
here=$(dirname "$0")
case "$1" in
  image) cat "$here/image" 2>&- || : ;;
  build) test ! -e "$here/away" && echo 1a2b3c >"$here/image" ;;
  *) exit 1 ;;
esac
"""
EXISTING = "postgresql/18/docker/PG_VERSION"
ON = {"quickdata_pitr": True}
OFF = {"quickdata_pitr": False}


def until(name: str, tasks: Path) -> str:
    """Return the tasks of a file up to one of them; the vault does not count here."""
    found = [task for task in yaml.safe_load(tasks.read_text()) if task["name"] != "Check the inputs"]
    [last] = [number for number, task in enumerate(found) if task["name"] == name]
    return yaml.safe_dump(found[: last + 1])


@dataclass(frozen=True)
class Node:
    """A database node with a data volume, and with Docker."""

    playbooks: Workspace
    data: Path
    bin: Path

    def has(self, *files: str) -> None:
        for each in files:
            (self.data / each).parent.mkdir(parents=True, exist_ok=True)
            (self.data / each).touch()

    @property
    def marked(self) -> bool:
        return (self.data / "pitr").exists()

    def packages_are(self, away: bool) -> None:
        (self.bin / "away").touch() if away else (self.bin / "away").unlink(missing_ok=True)

    def play(self, *options: str, **given: Any) -> Run:
        """Play the role as on a real node, up to the mark of physical backups."""
        real = {"node_is_real": True, "ansible_become": False, "node_prefix": "", "data_dir": str(self.data)}
        path = f"{self.bin}:{TOOLS}:/usr/bin:/bin"
        return self.playbooks.play("first", *options, "-e", json.dumps({**real, **given}), PATH=path)

    def deploy(self, **given: Any) -> set[str]:
        """Play it; return the images with which the nodes would start the database."""
        done = self.play(**given)
        assert done.exit_code == 0, done.output
        events = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
        hosts = [host for event in events for host in event.get("hosts", {}).values()]
        images = [host["nocodb_running_images.db"] for host in hosts if "nocodb_running_images.db" in host]
        assert len(images) == 2 and len(set(images)) == 1, "the manager and the database node agree"
        return {images[0].partition(":")[0]}


@pytest.fixture
def node(playbooks: Workspace, tmp_path: Path) -> Node:
    tasks = playbooks.path / "ansible/roles/nocodb/tasks"
    first = until(PREPARED, tasks / "main.yml").replace("pitr.yml", "begin.yml")
    (tasks / "first.yml").write_text(first)
    (tasks / "begin.yml").write_text(until(NOTED, tasks / "pitr.yml"))
    (playbooks.path / "ansible/first.yml").write_text(PLAYBOOK)
    found = Node(playbooks, tmp_path / "data", tmp_path / "bin")
    found.bin.mkdir()
    (found.data / "postgresql").mkdir(parents=True)
    (found.bin / "docker").write_text(DOCKER)
    (found.bin / "docker").chmod(0o755)
    return found


PLAIN, WITH_PGBACKREST = {"postgres"}, {"localhost/quickdata/postgres-pgbackrest"}


@pytest.mark.parametrize(
    ("there", "given", "on"),
    [
        ((), {}, True),
        ((EXISTING,), {}, False),
        ((EXISTING, "pitr"), {}, True),
        ((EXISTING,), ON, True),
        ((), OFF, False),
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
    node: Node, there: tuple[str, ...], given: dict[str, bool], on: bool
) -> None:
    node.has(*there)
    assert node.deploy(**given) == (WITH_PGBACKREST if on else PLAIN)
    assert node.marked is on


def test_a_second_deployment_changes_nothing(node: Node) -> None:
    assert node.play().changed == 2, "the image and the mark"
    written = (node.data / "pitr").stat().st_mtime_ns
    node.has(EXISTING)
    assert node.play().changed == 0
    assert (node.data / "pitr").stat().st_mtime_ns == written


def test_a_try_without_the_image_leaves_nothing_and_decides_nothing_for_a_later_deployment(
    node: Node,
) -> None:
    node.has(EXISTING)
    node.packages_are(away=True)
    assert node.play(**ON).exit_code != 0
    assert not node.marked
    node.packages_are(away=False)
    assert node.deploy() == PLAIN, "the operator took the variable back"
    assert not node.marked


def test_a_new_database_without_the_image_is_told_the_line_to_go_on_with_now(node: Node) -> None:
    node.packages_are(away=True)
    done = node.play()
    error = diagnose("ansible: nocodb.yml", done.exit_code, done.output, "")
    assert "so the new database was not started" in error.what
    assert "`quickdata_pitr: false` in infrastructure/ansible/group_vars/all/main.yml" in error.fix
    assert "`quickdata restore` need no such image" in error.fix and "`quickdata_pitr: true`" in error.fix
    assert not node.marked
    assert node.deploy(**OFF) == PLAIN
    node.has(EXISTING)
    node.packages_are(away=False)
    assert node.deploy() == PLAIN, "it goes on without them when the line is gone"
    assert not node.marked


def test_a_database_that_takes_them_is_not_told_to_turn_them_off_without_the_price(node: Node) -> None:
    node.has(EXISTING, "pitr")
    node.packages_are(away=True)
    done = node.play()
    error = diagnose("ansible: nocodb.yml", done.exit_code, done.output, "")
    assert "so the database was neither started nor changed" in error.what
    assert "no recovery reaches the moments" in error.fix
    line = "`quickdata_pitr: false` in infrastructure/ansible/group_vars/all/main.yml"
    assert f"set {line}, also if there is no such line" in error.fix, (
        "an old mark may be all that turns them on"
    )
    assert node.marked
    assert node.deploy(**OFF) == PLAIN


def test_without_its_volume_no_database_is_taken_for_a_new_one(node: Node) -> None:
    done = node.play(data_volume_id="vol-0123456789abcdef0")
    assert done.exit_code != 0 and "is not a mountpoint" in done.output
    assert not node.marked


def test_check_mode_looks_for_the_volume_too(node: Node) -> None:
    done = node.play("--check", data_volume_id="vol-0123456789abcdef0")
    assert done.exit_code != 0 and "is not a mountpoint" in done.output


@pytest.mark.parametrize("group", ["managers", "databases"])
def test_one_node_alone_is_refused_because_it_would_turn_physical_backups_half_on_or_off(
    playbooks: Workspace, group: str
) -> None:
    done = playbooks.play("nocodb", "--limit", group)
    assert done.exit_code != 0
    assert "This play needs the manager and the database node. Run it without --limit." in done.output


def test_a_local_node_never_takes_physical_backups(playbooks: Workspace) -> None:
    data = playbooks.node("database", "srv/quickdata")
    data.mkdir(parents=True)
    done = playbooks.play("nocodb", "-e", json.dumps(ON))
    assert done.exit_code == 0, done.output
    assert "pgbackrest" not in playbooks.stack["services"]["db"]["image"]
    assert not list(data.iterdir())


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
    assert playbooks.play("check", "-e", json.dumps(OFF)).exit_code == 0
