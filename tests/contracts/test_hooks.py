"""The git hook: `make hooks` turns it on, and no commit passes it while the linters complain."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.machine.repository import REPOSITORY

WHO = {
    f"GIT_{role}_{what}": "tests@example.org"
    for role in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


def run(folder: Path, *command: str, path: str = "") -> subprocess.CompletedProcess[str]:
    env = WHO | {"PATH": path + os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=env, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(("linters", "code"), [(0, 0), (1, 1)])
def test_a_commit_is_made_only_when_the_linters_are_content(tmp_path: Path, linters: int, code: int) -> None:
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    shutil.copytree(REPOSITORY / ".ci", checkout / ".ci")
    shutil.copy(REPOSITORY / "Makefile", checkout)
    assert run(checkout, "git", "init", "--quiet").returncode == 0
    assert run(checkout, "make", "hooks").returncode == 0
    programs.mkdir()
    (programs / "make").write_text(f'#!/bin/sh\necho "$PWD: $*" >&2\nexit {linters}\n')
    (programs / "make").chmod(0o755)
    (checkout / "below").mkdir()
    done = run(checkout / "below", "git", "commit", "--allow-empty", "-m", "x", path=f"{programs}:")
    assert done.returncode == code, done.stderr
    assert f"{checkout}: --silent lint\n" in done.stderr
    assert (run(checkout, "git", "rev-parse", "HEAD").returncode == 0) == (code == 0)
