"""The folders of recoveries on the database's volume, and the swap of the recovered files for the live ones.

`recovery/ID/data` holds the files: while they are recovered, when they are ready, and after the swap those
that were live before. `recovery/ID/stage` says which of the three. One system call exchanges both folders: at
every moment the live folder holds one whole cluster.
"""

import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from quickdata_node.marks import MARK, is_marked, mark_folder, remove_folders
from quickdata_node.run import Failed

Stage = Literal["recovering", "ready", "live"]
"""What `data` holds: half a cluster, a recovered one, or the one that was live before the swap."""
LIVE = Path("18/docker")
"""PostgreSQL's files on the volume. Source: PGDATA of the official image, since version 18."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Source: linux/fcntl.h and linux/fs.h; rename(2)."""


@dataclass(frozen=True)
class Place:
    """The folder of one recovery.

    Args:
        volume: the database's volume on this machine.
        id: the recovery's id.
    """

    volume: Path
    id: str

    @property
    def folder(self) -> Path:
        """The folder of this recovery."""
        return self.volume / "recovery" / self.id

    @property
    def data(self) -> Path:
        """The server's files."""
        return self.folder / "data"

    @property
    def live(self) -> Path:
        """The files of the live server."""
        return self.volume / LIVE

    @property
    def stage(self) -> str:
        """What `data` holds; empty when a run was killed before it said so."""
        file = self.folder / "stage"
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""

    def make(self) -> None:
        """Make an empty folder for the server's files, which belongs to the user of the live ones."""
        self.folder.mkdir(parents=True)
        mark_folder(self.folder)
        self.data.mkdir(mode=0o700)
        owner = (self.live if self.live.is_dir() else self.volume).stat()
        os.chown(self.data, owner.st_uid, owner.st_gid)
        self.enter("recovering")

    def enter(self, stage: Stage) -> None:
        """Note on the disk what `data` holds from now on."""
        fresh = self.folder / "stage.new"
        with fresh.open("w", encoding="utf-8") as file:
            file.write(f"{stage}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self.folder / "stage")
        _flush(self.folder)

    def finish(self) -> None:
        """Note that the recovered cluster is proven and stopped. Its mark tells it from the live one."""
        (self.data / MARK).write_text(f"{self.id}\n", encoding="utf-8")
        _flush(self.data)
        self.enter("ready")

    @property
    def is_live(self) -> bool:
        """Whether the recovered cluster is in the live server's place."""
        mark = self.live / MARK
        return mark.is_file() and mark.read_text(encoding="utf-8").strip() == self.id

    def go_live(self) -> None:
        """Exchange the recovered files and the live ones. A run that was killed is continued.

        Raises:
            OSError: they cannot be exchanged; nothing has changed.
        """
        if self.stage == "ready" and not self.is_live:
            exchange(self.data, self.live)
        self.enter("live")
        (self.live / MARK).unlink(missing_ok=True)
        _flush(self.live)


def places(volume: Path) -> Iterator[Place]:
    """Yield the folders of earlier recoveries."""
    for folder in sorted((volume / "recovery").glob("*")):
        if is_marked(folder):
            yield Place(volume, folder.name)


def finish_swaps(volume: Path) -> None:
    """Finish a swap that was interrupted."""
    for each in places(volume):
        if each.is_live:
            each.go_live()


def remove_unused(volume: Path, log: Callable[[str], None]) -> None:
    """Remove the recoveries that never went live."""
    remove_folders([each.folder for each in places(volume) if each.stage != "live"], log)


def remove_older(place: Place, log: Callable[[str], None]) -> None:
    """Remove the files that earlier recoveries have kept, except the only copy of WAL that no bucket has."""
    others = [each for each in places(place.volume) if each.id != place.id]
    remove_folders([each.folder for each in others if not has_unsent_wal(each.data)], log)


def has_unsent_wal(data: Path) -> bool:
    """Return whether a server's files hold WAL that was not archived."""
    return any((data / "pg_wal/archive_status").glob("*.ready"))


def require_room(volume: Path, needed: int) -> int:
    """Return the free bytes of the volume.

    Raises:
        Failed: they are not enough.
    """
    free = shutil.disk_usage(volume).free
    if free <= needed:
        what = f"the recovery needs {needed} bytes beside the live database, {free} are free in {volume}"
        raise Failed(what, "make room, for example by removing what an earlier recovery kept in recovery/")
    return free


def exchange(one: Path, other: Path) -> None:
    """Exchange two folders of a file system in one step.

    Raises:
        OSError: they cannot be exchanged.
    """
    if not other.exists():  # a new volume, whose server has never started
        other.parent.mkdir(exist_ok=True)
        one.rename(other)
        one.mkdir()
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
    _flush(one.parent)
    _flush(other.parent)


def _flush(folder: Path) -> None:
    """Wait until the entries of a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
