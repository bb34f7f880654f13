"""A run's own directory in TMPDIR. It is removed when the run ends; if the run is killed, by the next run."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pipeline.machine.files import draft_of

PREFIX = "quickdata-"
MARK = ".quickdata"
"""The file that marks a directory of a run. A living run holds its lock (flock)."""
PLAIN = "/tmp"  # noqa: S108 - each directory in it is private
"""The place for a directory whose path must not have special characters, as TMPDIR may have."""
NODES = "nodes-in-docker"
"""The file with the name of the rehearsal whose containers and network must be removed too."""


@contextmanager
def scratch(purpose: str = "", place: str | None = None) -> Iterator[Path]:
    """Yield a new directory of this run. It is removed after the block.

    Args:
        purpose: a part of its name.
        place: PLAIN, or None for TMPDIR.
    """
    with ExitStack() as at_last, tempfile.TemporaryDirectory(prefix=PREFIX + purpose, dir=place) as name:
        at_last.callback(os.close, _locked_mark(Path(name, MARK)))
        yield Path(name)


def dead() -> Iterator[Path]:
    """Yield the directories of this user's killed runs. Each is locked, so that no other run removes it."""
    places = {tempfile.gettempdir(), PLAIN}
    for directory in sorted(path for place in places for path in Path(place).glob(f"{PREFIX}*")):
        with suppress(OSError), ExitStack() as at_last:
            mark = os.open(directory / MARK, os.O_RDWR | os.O_NOFOLLOW)
            at_last.callback(os.close, mark)
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if (
                not directory.is_symlink()
                and os.fstat(mark).st_uid == os.geteuid() == directory.stat().st_uid
            ):
                yield directory


def remove_dead() -> list[Path]:
    """Remove directories of killed runs, and return them. A rehearsal removes those with nodes in Docker."""
    return [each for each in dead() if not (each / NODES).exists() and remove(each)]


def remove(directory: Path) -> bool:
    """Remove a killed run's directory; tell whether it is gone.

    The mark is removed last: if a tool still writes into the directory, the next run removes the rest.
    """
    with suppress(OSError):
        for path in directory.iterdir():
            if path.name != MARK:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        (directory / MARK).unlink()
        directory.rmdir()
    return not directory.exists()


def _locked_mark(mark: Path) -> int:
    """Create a file that this process has locked. The file gets its name only after it is locked."""
    with draft_of(mark) as draft:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):  # a file system without locks: other runs never remove the directory
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
