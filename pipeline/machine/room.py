"""Check the free disk space before a run begins, so that the run does not fail after minutes."""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ToolError
from pipeline.units import in_units

SET_TMPDIR = "set TMPDIR to another directory"


@dataclass(frozen=True)
class Need:
    """Disk space that a run needs.

    Args:
        directory: the directory; it may not exist yet.
        bytes: the number of bytes.
        purpose: the purpose; in an error it follows "are needed".
        instead: what to do instead of freeing space there.
    """

    directory: Path
    bytes: int
    purpose: str
    instead: str = ""


def temporary(size: int, purpose: str) -> Need:
    """Return the need for disk space in the directory of temporary files.

    Args:
        size: the number of bytes.
        purpose: the purpose; in an error it follows "are needed".
    """
    return Need(Path(tempfile.gettempdir()), size, purpose, SET_TMPDIR)


def require_room(needs: Iterable[Need]) -> None:
    """Make sure that there is enough disk space. Needs on the same file system are added up.

    Args:
        needs: the disk space that will be used.

    Raises:
        ToolError: a file system has too little free space.
    """
    by_file_system: dict[int, list[Need]] = {}
    for need in needs:
        by_file_system.setdefault(_existing(need.directory).stat().st_dev, []).append(need)
    for sharing in by_file_system.values():
        _require(sharing)


def _require(needs: list[Need]) -> None:
    free = shutil.disk_usage(_existing(needs[0].directory)).free
    if free >= sum(need.bytes for need in needs):
        return
    needed = [f"{in_units(each.bytes)} are needed {each.purpose} in {each.directory}" for each in needs]
    others = dict.fromkeys(each.instead for each in needs if each.instead)
    raise ToolError(
        f"{', and '.join(needed)}; {in_units(free)} are free", ", or ".join(["free space there", *others])
    )


def _existing(directory: Path) -> Path:
    return next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
