"""gitlab-ci-local, which reads and runs GitLab's jobs, and a repository for it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.machine.repository import REPOSITORY

VERSION = "4.61.1"
"""The last gitlab-ci-local for Node 18 and 20."""
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
"""The machine's own: npm does not look at them by itself, and a closed network has its own authority."""
LOCAL = REPOSITORY / ".tools/gitlab-ci-local"


@pytest.fixture(scope="module")
def gitlab_ci_local() -> str:
    if found := shutil.which("gitlab-ci-local"):
        return found
    if shutil.which("npm") is None:
        pytest.skip("npm is not on this machine, and gitlab-ci-local is one of its packages")
    program = LOCAL / "node_modules/.bin/gitlab-ci-local"
    if not program.exists():
        install = ["npm", "install", "--loglevel=error", "--no-fund", "--no-audit", "--prefix", str(LOCAL)]
        install += ["--fetch-retries=2", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=2000"]
        env = {"NODE_EXTRA_CA_CERTS": CERTIFICATES, **os.environ}
        command = [*install, "--fetch-timeout=30000", f"gitlab-ci-local@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if done.returncode:
            pytest.skip(f"gitlab-ci-local cannot be installed from npm here: {done.stderr.strip()[-300:]}")
    return str(program)


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A commit of what is in the working copy now: gitlab-ci-local reads a repository.

    As in GitLab, others may pass through its folder: root's PostgreSQL is another user's.
    """
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        _commit(root := Path(name) / "project")
        yield root


def _commit(root: Path) -> None:
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in files:
        if (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, root / name)
    git = ["git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], cwd=root, check=True)
    subprocess.run(
        ["git", "remote", "add", "origin", "git@gitlab.com:some/project.git"], cwd=root, check=True
    )
    subprocess.run([*git, "add", "-A"], cwd=root, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "all"], cwd=root, check=True)
