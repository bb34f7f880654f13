"""Room on the disks: asked for before anything begins, instead of missed after minutes."""

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
    """Room that something takes.

    Args:
        directory: where; it need not exist yet.
        bytes: how much.
        purpose: what it is for, after "are needed".
        instead: what else helps but making room there.
    """

    directory: Path
    bytes: int
    purpose: str
    instead: str = ""


def temporary(size: int, purpose: str) -> Need:
    """Return the need for room where temporary files are.

    Args:
        size: bytes.
        purpose: what it is for.
    """
    return Need(Path(tempfile.gettempdir()), size, purpose, SET_TMPDIR)


def require_room(needs: Iterable[Need]) -> None:
    """Make sure that there is room; what lies on one file system is added up.

    Args:
        needs: what will be written.

    Raises:
        ToolError: a file system has too little.
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
        f"{', and '.join(needed)}; {in_units(free)} are free", ", or ".join(["make room there", *others])
    )


def _existing(directory: Path) -> Path:
    return next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
