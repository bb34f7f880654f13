"""The data volume: it is formatted once, and a larger volume gets a larger file system."""

import json
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.ansible_workspace import TOOLS, Run, Workspace

PLAYBOOK = """
- hosts: databases
  gather_facts: false
  tasks:
    - name: The volume
      ansible.builtin.import_role: {name: swarm, tasks_from: volume.yml}
"""
FOLLOWED = """
- hosts: databases
  gather_facts: false
  tasks:
    - name: The role swarm, as far as it makes the directories
      ansible.builtin.import_role: {name: swarm, tasks_from: first.yml}
    - name: What the role nocodb sees
      ansible.builtin.import_role: {name: nocodb, tasks_from: data.yml}
    - name: It is a new one
      ansible.builtin.file: {path: "{{ data_dir }}/new", state: directory, mode: "0755"}
      when: nocodb_is_new
    - name: Its place
      ansible.builtin.file: {path: "{{ data_dir }}/postgresql/18/docker", state: directory, mode: "0755"}
    - name: A database
      ansible.builtin.copy:
        dest: "{{ data_dir }}/postgresql/18/docker/PG_VERSION"
        content: "18"
        mode: "0644"
"""
ALONE = 'mount --bind "$1" /etc/fstab && shift && exec "$@"'
"""The mounts of a play, and its /etc/fstab, are its own: no other process sees them."""
PATH = f"{TOOLS}:{os.environ['PATH']}:/usr/sbin:/sbin"
MIB = 2**20
SMALL, LARGE = 320 * MIB, 400 * MIB
"""Sizes of a volume: XFS needs 300 MiB."""
CAP_SYS_RESOURCE = 24  # capabilities(7), linux/capability.h
LINUX = 0x83
"""The type of a partition for Linux, in the table of a PC."""
PLACED, NEW = "Create the directories for the data", "It is a new one"
FORMAT, GROW = "swarm : Format a blank volume", "swarm : Grow the file system to the size of the volume"


def losetup(*words: str) -> str:
    """Call losetup; a machine where nobody may make a loop device leaves the test out, with its reason."""
    command = ["losetup", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": PATH})
    if done.returncode:
        pytest.skip(f"a loop device cannot be made here: {done.stderr.strip()}")
    return done.stdout.strip()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    found = tmp_path / "image"
    found.touch()
    os.truncate(found, SMALL)
    return found


@pytest.fixture
def device(image: Path) -> Iterator[str]:
    if os.geteuid() != 0:
        pytest.skip("only root may make a loop device")
    found = losetup("--find", "--show", str(image))
    yield found
    losetup("--detach", found)


def play(workspace: Workspace, device: str, playbook: str = PLAYBOOK, **variables: object) -> Run:
    (workspace.path / "ansible/volume.yml").write_text(playbook)
    fstab, mounted = workspace.path / "fstab", workspace.path / "mounted"
    fstab.touch()
    given = {"swarm_volume_device": device, "swarm_volume_id": "vol-1", "data_dir": str(mounted), **variables}
    alone = ("unshare", "--mount", "sh", "-c", ALONE, "sh", str(fstab))
    return workspace.command(*alone, "ansible-playbook", "volume.yml", "-e", json.dumps(given), PATH=PATH)


def changed(run: Run) -> set[str]:
    """Return the names of the tasks that changed something."""
    assert run.exit_code == 0, run.output
    events = [json.loads(line) for line in run.output.splitlines() if line.startswith("{")]
    ended = [each for each in events if each.get("_event") == "v2_runner_on_ok"]
    return {each["task"]["name"] for each in ended if each["hosts"]["database"].get("changed")}


def size(device: Path | str) -> int:
    """Return the bytes of a device's ext4 file system."""
    command = ["dumpe2fs", "-h", device]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": PATH})
    values = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    return int(values["Block count"]) * int(values["Block size"])


def xfs_size(device: str) -> int:
    """Return the bytes of a device's XFS."""
    command = ["xfs_db", "-r", "-c", "sb 0", "-c", "print dblocks blocksize", device]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": PATH})
    blocks, block = (int(line.partition(" = ")[2]) for line in done.stdout.splitlines())
    return blocks * block


def format_whole(device: Path | str) -> None:
    subprocess.run(["mkfs.ext4", "-q", device], check=True, env={"PATH": PATH})


def test_a_blank_volume_is_formatted_and_a_formatted_one_stays(playbooks: Workspace, device: str) -> None:
    assert FORMAT in changed(play(playbooks, device))
    assert size(device) == SMALL
    assert not changed(play(playbooks, device)) & {FORMAT, GROW}


def test_a_larger_volume_gets_a_larger_file_system(playbooks: Workspace, image: Path) -> None:
    """The task alone, on a volume that is not in use: this needs no rights."""
    (playbooks.path / "ansible/volume.yml").write_text(PLAYBOOK)
    given = {"swarm_volume_device": str(image), "swarm_volume_content": {"rc": 0}}
    words = ("volume", "--start-at-task", GROW, "-e", json.dumps(given))
    format_whole(image)
    os.truncate(image, LARGE)
    assert changed(playbooks.play(*words, PATH=PATH)) == {GROW}
    assert size(image) == LARGE
    assert not changed(playbooks.play(*words, PATH=PATH))


def test_a_file_system_grows_while_it_is_in_use(playbooks: Workspace, device: str, image: Path) -> None:
    if not may_grow_in_use():
        pytest.skip("only who has CAP_SYS_RESOURCE may grow a mounted ext4, and nobody has it here")
    format_whole(device)
    os.truncate(image, LARGE)
    losetup("--set-capacity", device)
    assert changed(play(playbooks, device)) & {FORMAT, GROW} == {GROW}
    assert size(device) == LARGE


def test_xfs_is_formatted_once_and_grows_while_it_is_in_use(
    playbooks: Workspace, device: str, image: Path
) -> None:
    if not shutil.which("mkfs.xfs", path=PATH) or "xfs" not in Path("/proc/filesystems").read_text().split():
        pytest.skip("XFS cannot be tried: xfsprogs is not installed, or the kernel does not know XFS")
    assert FORMAT in changed(play(playbooks, device, swarm_volume_filesystem="xfs"))
    assert not changed(play(playbooks, device, swarm_volume_filesystem="xfs")) & {FORMAT, GROW}
    os.truncate(image, LARGE)
    losetup("--set-capacity", device)
    assert xfs_size(device) == SMALL
    assert changed(play(playbooks, device, swarm_volume_filesystem="xfs")) & {FORMAT, GROW} == {GROW}
    assert xfs_size(device) == LARGE


def may_grow_in_use() -> bool:
    [effective] = re.findall(r"^CapEff:\s*(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return bool(int(effective, 16) >> CAP_SYS_RESOURCE & 1)


def test_a_volume_with_a_partition_table_is_neither_formatted_nor_grown(
    playbooks: Workspace, device: str, image: Path
) -> None:
    entry = struct.pack("<B3xB3xII", 0, LINUX, 2048, 8 * MIB // 512)
    with image.open("r+b") as disk:
        disk.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
    before = image.read_bytes()
    run = play(playbooks, device)
    assert run.exit_code != 0
    assert image.read_bytes() == before


def test_a_device_that_does_not_come_is_explained(playbooks: Workspace) -> None:
    (playbooks.path / "ansible/volume.yml").write_text(PLAYBOOK)
    given = {"swarm_volume_device": "/dev/disk/by-id/none", "swarm_volume_id": "vol-1"}
    run = playbooks.play("volume", "-e", json.dumps({**given, "swarm_volume_wait": 1}))
    assert run.exit_code != 0
    assert "vol-1 is not at /dev/disk/by-id/none after 1 seconds" in run.output
    assert "TF_VAR_instance_types, such as t3.medium" in run.output


def test_a_database_on_a_volume_that_is_not_mounted_yet_is_not_taken_for_a_new_one(
    playbooks: Workspace, device: str
) -> None:
    """The tasks of the roles in their own order. Each play begins without the mount."""
    tasks = playbooks.path / "ansible/roles/swarm/tasks"
    main = yaml.safe_load((tasks / "main.yml").read_text())
    [last] = [number for number, task in enumerate(main) if task["name"] == PLACED]
    (tasks / "first.yml").write_text(yaml.safe_dump(main[: last + 1]))
    real = {"node_is_real": True, "ansible_become": False, "node_prefix": "", "private_ip": "10.0.0.1"}
    identity = "vol-0123456789abcdef0"
    given = {**real, "swarm_volume_id": identity, "data_volume_id": identity}
    assert {FORMAT, NEW} <= changed(play(playbooks, device, FOLLOWED, **given)), "this one is new"
    assert not list((playbooks.path / "mounted").iterdir()), "the mount ended with the play"
    assert NEW not in changed(play(playbooks, device, FOLLOWED, **given))
