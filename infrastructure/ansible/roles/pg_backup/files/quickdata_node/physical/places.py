"""The folders of recoveries on the database's volume, and the swap of the recovered files for the live ones.

`recovery/ID/data` holds the files: while they are recovered, when they are ready, and after the swap those
that were live before. `recovery/ID/stage` says which of the three. One system call exchanges both folders: at
every moment the live folder holds one whole cluster.
"""

import ctypes
import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from quickdata_node.marks import MARK, is_marked, mark_folder, remove_folders
from quickdata_node.physical.container import DATA
from quickdata_node.run import Failed

Stage = Literal["recovering", "ready", "live"]
"""What `data` holds: half a cluster, a recovered one, or the one that was live before the swap."""
PG1_PATH = re.compile(r"^pg1-path=(/.+?)/*$", re.MULTILINE)
"""The server's files in the container, as pgBackRest's configuration names them."""
RESERVE, SHARE = 1 << 30, 20
"""What stays free for the live database: bytes, and the part of the volume (one of 20) if that is more."""
ROOM = (
    "make room, for example by removing what earlier recoveries kept: in recovery/, or as DATABASE_before_ID"
)
STATE, SHUT_DOWN = 16, 1
"""Where pg_control has the server's state, in bytes, and the state after a clean shutdown.

Source: PostgreSQL's src/include/catalog/pg_control.h.
"""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Source: linux/fcntl.h and linux/fs.h; rename(2)."""


@dataclass(frozen=True)
class Place:
    """The folder of one recovery.

    Args:
        volume: the database's volume on this machine.
        id: the recovery's id.
        live: the files of the live server.
    """

    volume: Path
    id: str
    live: Path

    @property
    def folder(self) -> Path:
        """The folder of this recovery."""
        return self.volume / "recovery" / self.id

    @property
    def data(self) -> Path:
        """The server's files."""
        return self.folder / "data"

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

    @property
    def has_gone_live(self) -> bool:
        """Whether the recovered files and the live ones were exchanged, even if that is not noted yet."""
        return self.is_live or self.stage == "live"

    def go_live(self) -> None:
        """Exchange the recovered files and the live ones. A run that was killed is continued.

        Raises:
            OSError: they cannot be exchanged, or that cannot be noted; `has_gone_live` says which.
        """
        if self.stage == "ready" and not self.is_live:
            exchange(self.data, self.live)
        self.enter("live")
        (self.live / MARK).unlink(missing_ok=True)
        _flush(self.live)


@dataclass(frozen=True)
class Volume:
    """The database's volume, with the recoveries on it.

    Args:
        path: the volume on this machine.
        live: the files of the live server, relative to it, such as 18/docker.
    """

    path: Path
    live: Path

    def place(self, number: str) -> Place:
        """Return the folder of a recovery, by its id."""
        return Place(self.path, number, self.path / self.live)

    def places(self) -> Iterator[Place]:
        """Yield the folders of earlier recoveries."""
        for folder in sorted((self.path / "recovery").glob("*")):
            if is_marked(folder):
                yield self.place(folder.name)

    def finish_swaps(self) -> None:
        """Finish a swap that was interrupted."""
        for each in self.places():
            if each.is_live:
                each.go_live()

    def remove_unused(self, log: Callable[[str], None]) -> None:
        """Remove the recoveries that never went live."""
        remove_folders([each.folder for each in self.places() if each.stage != "live"], log)

    def remove_older(self, place: Place, log: Callable[[str], None]) -> None:
        """Remove what earlier recoveries have kept, except the only copy of WAL that no bucket has."""
        others = [each for each in self.places() if each.id != place.id]
        remove_folders([each.folder for each in others if is_archived(each.data)], log)

    @property
    def reserve(self) -> int:
        """The bytes that must stay free for the live database."""
        return max(RESERVE, shutil.disk_usage(self.path).total // SHARE)

    def require_room(self, needed: int) -> int:
        """Return the free bytes of the volume.

        Args:
            needed: the bytes that the recovery needs beside the live database.

        Raises:
            Failed: they are not enough.
        """
        free = shutil.disk_usage(self.path).free
        if free < needed + self.reserve:
            what = f"the recovery needs {needed} bytes beside the live database, and {self.reserve} must stay"
            raise Failed(f"{what} free for its growth; {free} are free in {self.path}", ROOM)
        return free

    def require_reserve(self) -> None:
        """Make sure that a recovery has left room for the live database.

        Raises:
            Failed: half of the reserve is used up.
        """
        free = shutil.disk_usage(self.path).free
        if free < self.reserve // 2:
            what = f"only {free} bytes are free in {self.path}"
            raise Failed(f"{what}: the recovery stops, so that the live database has room", ROOM)


def is_archived(data: Path) -> bool:
    """Return whether all WAL of a stopped server's files was archived.

    A server that did not shut down cleanly has not marked its last segment as ready for the archive.
    """
    try:
        with (data / "global/pg_control").open("rb") as file:
            (state,) = struct.unpack_from("=i", file.read(STATE + 4), STATE)
    except (OSError, struct.error):
        return not any(data.glob("*"))  # a new volume's folder
    return state == SHUT_DOWN and not any((data / "pg_wal/archive_status").glob("*.ready"))


def find_volume(path: Path, archive_config: Path) -> Volume:
    """Return the database's volume. pgBackRest's configuration names the live server's files on it.

    Args:
        path: the volume on this machine.
        archive_config: folder of pgBackRest's configuration.

    Raises:
        Failed: the configuration does not name them.
    """
    file = archive_config / "pgbackrest.conf"
    try:
        found = PG1_PATH.search(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"{file} cannot be read", "run nocodb.yml, which writes it", 2) from error
    data = Path(found[1]) if found else Path()
    if not data.is_relative_to(DATA) or data == Path(DATA):
        raise Failed(f"{file} has no pg1-path below {DATA}", "run nocodb.yml, which writes it", 2)
    return Volume(path, data.relative_to(DATA))


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
