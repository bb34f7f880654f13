"""A run's own directory in TMPDIR: gone when the run ends; when it was killed, gone with the next run."""

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
"""The file that makes a directory ours; whoever holds its lock (flock) is alive."""
PLAIN = "/tmp"  # noqa: S108 - each directory in it is private
"""Where a directory is made whose path has nothing special in it, whatever TMPDIR is called."""
NODES = "nodes-in-docker"
"""The file that names what else is to be removed: the containers and the network of a rehearsal."""


@contextmanager
def scratch(purpose: str = "", place: str | None = None) -> Iterator[Path]:
    """Yield a new directory of this run; nothing of it is left behind.

    Args:
        purpose: a part of its name.
        place: PLAIN, or None for TMPDIR.
    """
    with ExitStack() as at_last, tempfile.TemporaryDirectory(prefix=PREFIX + purpose, dir=place) as name:
        at_last.callback(os.close, _locked_mark(Path(name, MARK)))
        yield Path(name)


def dead() -> Iterator[Path]:
    """Yield the directories of killed runs of this user, each with its lock held: nobody else removes it."""
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
    """Remove what killed runs left in TMPDIR, and return it; where Docker has to be asked too it stays."""
    return [each for each in dead() if not (each / NODES).exists() and remove(each)]


def remove(directory: Path) -> bool:
    """Remove a dead run's directory; tell whether that could be done.

    Its mark goes last: what cannot be removed now, because a tool is still ending in it, goes the next time.
    """
    with suppress(OSError):
        for path in directory.iterdir():
            if path.name != MARK:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        (directory / MARK).unlink()
        directory.rmdir()
    return not directory.exists()


def _locked_mark(mark: Path) -> int:
    """Make a file whose lock this process holds: it has its name only when it is locked."""
    with draft_of(mark) as draft:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):  # without locks, nobody takes the directory for a dead run's
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
