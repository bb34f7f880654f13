"""The schedules of the physical backups on a node, and the name of their image."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.ansible_workspace import Run, Workspace

PLAYBOOK = """
- hosts: databases
  gather_facts: false
  tasks:
    - name: The schedules
      ansible.builtin.include_role: {name: pg_backup, tasks_from: "{{ part }}.yml"}
"""
IMAGE = """
- hosts: databases
  gather_facts: false
  tasks:
    - name: The image
      ansible.builtin.debug: {var: pitr_image}
"""
UNITS = [
    f"quickdata-pg-backup-{name}.{kind}"
    for name in ("archiving", "recovery")
    for kind in ("service", "timer")
]
BUILT = "localhost/quickdata/postgres-pgbackrest:18.4-bookworm-"


def play(workspace: Workspace, part: str) -> Run:
    (workspace.path / "ansible/part.yml").write_text(PLAYBOOK)
    done = workspace.play("part", "-e", f"part={part}")
    assert done.exit_code == 0, done.output
    return done


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_schedules_come_and_go_with_the_physical_backups(playbooks: Workspace) -> None:
    """Without systemd by cron; with it by two timers. Off, on, off and on again."""
    cron, units = playbooks.node("database", "etc/cron.d"), playbooks.node("database", "etc/systemd/system")
    play(playbooks, "pitr")
    assert names(cron) == ["quickdata-pg-backup-recovery", "quickdata-physical-backup"]
    jobs = (cron / "quickdata-pg-backup-recovery").read_text().splitlines()[-2:]
    assert [job.split()[0] for job in jobs] == ["*/20", "10-59/20"]
    assert "refresh-recovery-keys.sh" in jobs[0] and "check-backup-age.sh" in jobs[1]
    assert not any("&&" in job for job in jobs), "neither waits for the other one"
    backup = (cron / "quickdata-physical-backup").read_text()
    assert "test ! -e" not in backup + str(jobs), "a missing volume is an alarm, and silences none"
    play(playbooks, "pitr_off")
    assert names(cron) == []
    playbooks.node("database", "run/systemd/system").mkdir(parents=True)
    for _ in range(2):
        play(playbooks, "pitr")
        assert (names(cron), names(units)) == (["quickdata-physical-backup"], UNITS)
        play(playbooks, "pitr_off")
        assert (names(cron), names(units)) == ([], [])


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze, which judges units, is missing"
)
def test_systemd_accepts_the_timers_and_no_renewal_that_fails_ends_the_watch(playbooks: Workspace) -> None:
    playbooks.node("database", "run/systemd/system").mkdir(parents=True, exist_ok=True)
    play(playbooks, "pitr")
    for command in ("refresh-recovery-keys.sh", "check-backup-age.sh"):
        script = playbooks.node("database", f"usr/local/sbin/{command}")
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("#!/bin/sh\n")
        script.chmod(0o755)
    units = sorted(playbooks.node("database", "etc/systemd/system").iterdir())
    judged = playbooks.command("systemd-analyze", "verify", "--man=no", *map(str, units))
    assert (judged.exit_code, judged.output) == (0, "")
    assert [unit.read_text().count("ExecStart=") for unit in units] == [1, 0, 1, 0]
    assert not any("Condition" in unit.read_text() for unit in units), "a missing volume silences no watch"


def image(workspace: Workspace, *options: str) -> str:
    (workspace.path / "ansible/image.yml").write_text(IMAGE)
    done = workspace.play("image", *options)
    events = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    [found] = [each["hosts"]["database"]["pitr_image"] for each in events if "pitr_image" in str(each)]
    return str(found)


def test_changed_instructions_give_the_image_another_name_and_a_registrys_name_is_taken(
    playbooks: Workspace,
) -> None:
    first = image(playbooks)
    assert first.startswith(BUILT)
    with (playbooks.path / "ansible/roles/nocodb/files/pgbackrest.Dockerfile").open("a") as file:
        file.write("# another line\n")
    assert image(playbooks) != first
    assert image(playbooks).startswith(BUILT)
    own = "registry.example.org/postgres-pgbackrest:18.4"
    assert image(playbooks, "-e", f"quickdata_pitr_image={own}") == own
