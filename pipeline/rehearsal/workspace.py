"""A throwaway copy of infrastructure/, without files of a real deployment."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.machine.repository import REPOSITORY
from pipeline.machine.scratch import scratch

REAL = (
    "*.tfstate*",
    ".terraform*",
    "*override.tf",
    "adopt_imports.tf",
    "*override.tf.json",
    "*.tfvars*",
    "*.tfplan",
    "vault.y*",
    "inventory.yml",
    "known_hosts",
    ".secrets",
)
"""Files of a real deployment that a checkout may contain: states, plans, variables, vaults."""


@contextmanager
def throwaway_workspace() -> Iterator[Path]:
    """Yield a new directory that contains `workspace/infrastructure`. It is removed after the block."""
    with scratch() as directory:
        workspace = directory / "workspace"
        workspace.mkdir(mode=0o700)
        source = REPOSITORY / "infrastructure"
        shutil.copytree(source, workspace / source.name, ignore=shutil.ignore_patterns(*REAL))
        yield directory
