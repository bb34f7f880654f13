"""Files that a killed run leaves in a checkout: secrets, plans, imports, scratch folders, drafts."""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pipeline.machine.files import DRAFT

LOCK = "reports/.lock"
"""The file in a checkout that every living run locks; several runs can share the lock."""

LEFT = (
    (".secrets", r"[A-Z_]+\.\d+\.[0-9a-f]+"),
    ("infrastructure/*", r"quickdata-[0-9a-f]{8}\.tfplan|adopt_imports\.tf"),
    ("infrastructure/*/.terraform", r"(moving|forecast)-[a-z0-9]+"),
    ("infrastructure/**", DRAFT),
    ("plan*", DRAFT),
    ("reports", DRAFT),
)
"""The folders in which runs write temporary files, with the names of these files."""


@contextmanager
def in_use(checkout: Path) -> Iterator[list[Path]]:
    """Lock a checkout during a run; remove and yield the files that killed runs left there.

    Files are removed only if no other run is alive, because then they belong to no living run.

    Args:
        checkout: the project's folder.

    Raises:
        OSError: the lock file cannot be written.
    """
    path = checkout / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        gone = list(_remove_left(checkout)) if _try_lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB) else []
        _try_lock(lock, fcntl.LOCK_SH)
        yield gone


def _try_lock(file: IO[str], how: int) -> bool:
    """Try to lock; return whether it worked. On a file system without locks it fails: nothing is removed."""
    try:
        fcntl.flock(file, how)
    except OSError:
        return False
    return True


def _remove_left(checkout: Path) -> Iterator[Path]:
    for folder, name in LEFT:
        for path in checkout.glob(f"{folder}/*"):
            if re.fullmatch(name, path.name):
                with suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
                    yield path
