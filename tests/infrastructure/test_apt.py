"""Two playbooks use apt on a new node at the same time. apt is real here, with a system of its own."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.machine.repository import REPOSITORY
from tests.support.ansible_workspace import TOOLS, Run, Workspace

APT = "ansible.builtin.apt"
FILES = sorted((REPOSITORY / "infrastructure/ansible/roles").glob("*/tasks/*.yml"))
TASKS = [task for file in FILES for task in yaml.safe_load(file.read_text()) if APT in task]
PYTHON = "/usr/bin/python3"
"""Debian's own Python: the package python3-apt is for this one alone."""
FOLDERS = (
    *("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d"),
    *("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt"),
    *("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "archive", "made/DEBIAN"),
)
CONFIGURATION = """
Dir "{root}";
Dir::State::status "{root}/var/lib/dpkg/status";
APT::Sandbox::User "root";
DPkg::Options {{ "--root={root}"; }};
"""
PACKAGE = "quickdata-tried"
CONTROL = f"""Package: {PACKAGE}
Version: 1
Architecture: all
Maintainer: Tests <tests@example.org>
Description: nothing
"""


# Another playbook fills the cache as soon as this one has tried for the first time.
AFTERWARDS = """#!/bin/sh
{python} "$@"
code=$?
if mv {root}/archive/Packages.ready {root}/archive/Packages 2>/dev/null; then
  apt-get update -qq >&2
fi
exit "$code"
"""


class System:
    """A Debian without packages, and an archive with a package that its list does not name yet."""

    def __init__(self, root: Path) -> None:
        self.root, self.configuration, self.python = root, root / "apt.conf", root / "python"
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()
        (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{root}/archive ./\n")
        self.configuration.write_text(CONFIGURATION.format(root=root))
        self.python.write_text(AFTERWARDS.format(python=PYTHON, root=root))
        self.python.chmod(0o755)
        self.publish()
        env = {"PATH": os.environ["PATH"], "APT_CONFIG": str(self.configuration)}
        subprocess.run(["apt-get", "update", "-qq"], env=env, check=True)

    def publish(self) -> None:
        (self.root / "made/DEBIAN/control").write_text(CONTROL)
        deb = self.root / "archive/tried.deb"
        subprocess.run(["dpkg-deb", "--build", self.root / "made", deb], check=True, capture_output=True)
        found = f"Filename: ./{deb.name}\nSize: {deb.stat().st_size}\n"
        digest = f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n"
        (self.root / "archive/Packages").touch()
        (self.root / "archive/Packages.ready").write_text(CONTROL + found + digest)

    def installed(self) -> bool:
        there = f"Package: {PACKAGE}\nStatus: install ok installed"
        return there in (self.root / "var/lib/dpkg/status").read_text()


@pytest.fixture
def system(tmp_path: Path) -> System:
    if os.geteuid() != 0:
        pytest.skip("only root may install packages")
    if subprocess.run([PYTHON, "-c", "import apt"], check=False, capture_output=True).returncode:
        pytest.skip(f"{PYTHON} has no module apt: install Debian's python3-apt")
    return System(tmp_path / "system")


def play(workspace: Workspace, task: dict[str, Any], system: System) -> Run:
    """Run a role's task with the packages of the test, and with a shorter time between its tries."""
    packages = task[APT]["name"].strip("{} ")
    variables = {"ansible_become": False, "ansible_python_interpreter": str(system.python)}
    one = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {**variables, packages: [PACKAGE]},
        "environment": {"APT_CONFIG": str(system.configuration)},
        "tasks": [{**task, "delay": 1} if "delay" in task else task],
    }
    (workspace.path / "ansible/apt.yml").write_text(yaml.safe_dump([one]))
    given = {"ANSIBLE_STDOUT_CALLBACK": "default", "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    return workspace.play("apt", "-i", "localhost,", "-c", "local", **given)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["name"])
def test_packages_are_installed_though_another_playbook_is_only_just_filling_the_cache(
    playbooks: Workspace, system: System, task: dict[str, Any]
) -> None:
    run = play(playbooks, task, system)
    assert run.exit_code == 0, run.output
    assert "FAILED - RETRYING" in run.output
    assert system.installed()


def test_the_roles_that_run_side_by_side_use_apt() -> None:
    """Otherwise nothing above would be tried."""
    assert len(TASKS) == 2
