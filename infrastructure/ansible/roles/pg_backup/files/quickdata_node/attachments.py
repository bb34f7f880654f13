"""The attachments, which are NocoDB's uploads: pack them, unpack them, and swap them with the live ones."""

import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from quickdata_node.marks import MARK, is_marked, mark_folder, remove_folders
from quickdata_node.run import Failed, Run
from quickdata_node.server import start_here
from quickdata_node.witness import Witness

TOLERATED = (0, 1)
"""tar's exit codes. 1 means that a file grew while tar read it. NocoDB writes uploads once: no failure."""
ANY_ID = "?" * 8


class Files(NamedTuple):
    """The content of an archive, or of a folder.

    Args:
        number: number of files and of other entries that are not folders.
        bytes: bytes of the files' content.
    """

    number: int
    bytes: int


def beside(live: Path, kind: str, which: str = ANY_ID) -> Path:
    """Return the folder of a kind (restore, aside, before) beside the live folder."""
    return live.with_name(f"{live.name}.{kind}_{which}")


def find(live: Path, kind: str) -> list[Path]:
    """Return all folders of a kind beside the live folder, whatever their names end with."""
    return sorted(each for each in live.parent.glob("*") if each.name.startswith(f"{live.name}.{kind}_"))


def measure(live: Path) -> int:
    """Return the bytes of the live attachments, before the backup."""
    if not live.is_dir():
        raise Failed(f"ATTACHMENTS_DIR {live} is not a directory", "mount it, or correct the configuration")
    require_nothing_aside(live)
    return sum(_sizes(live))


def _sizes(folder: Path) -> Iterator[int]:
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                yield os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - one call a file
            except FileNotFoundError:  # removed meanwhile: no failure
                continue


def require_nothing_aside(live: Path) -> None:
    """Refuse to go on while live attachments lie in an "aside" folder.

    A restore left them there: it was killed, or it could not move them back. The live folder may be empty.
    """
    for aside in find(live, "aside"):
        what = f"an earlier restore ended halfway: {aside} holds attachments that were live"
        raise Failed(what, f"put them back into {live}, as the runbook says")


def pack(run: Run, live: Path) -> "subprocess.Popen[bytes]":
    """Start tar, which writes the live attachments as an archive."""
    command = (
        "tar",
        "--create",
        "--numeric-owner",
        "--directory",
        str(live),
        "--anchored",
        f"--exclude=./{MARK}",
        ".",
    )
    return start_here(run, *command, stdout=subprocess.PIPE)


def read_again(run: Run) -> Witness[Files]:
    """Start tar, which reads an archive to its end and writes nothing. Its list is counted."""
    command = ("tar", "--list", "--verbose", "--numeric-owner", "--quoting-style=escape")
    return Witness(start_here(run, *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE), count_listed)


def count_listed(listing: IO[bytes]) -> Files:
    """Return the content of an archive from tar's list: one line an entry, the third word is the size."""
    number = size = 0
    for line in listing:
        number += not line.startswith(b"d")
        size += int(line.split(maxsplit=3)[2]) if line.startswith(b"-") else 0
    return Files(number, size)


# --- a restore ---


def show_room(run: Run, folder: Path) -> str:
    """Return the output of `df` for a folder's file system."""
    return start_here(run, "df", "-Pk", str(folder), stdout=subprocess.PIPE).communicate()[0].decode()


def count_folder(folder: Path) -> Files:
    """Return the content of a folder. A file with several names counts once, as in an archive."""
    number, size, linked = 0, 0, set[tuple[int, int]]()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - one call a file
            number += not stat.S_ISDIR(found.st_mode)
            file = found.st_dev, found.st_ino
            if stat.S_ISREG(found.st_mode) and file not in linked:
                size += found.st_size
                linked.update({file} if found.st_nlink > 1 else ())
    return Files(number, size)


def unpack_archive(run: Run, folder: Path) -> "subprocess.Popen[bytes]":
    """Start tar, which unpacks an archive into a folder."""
    command = ("tar", "--extract", "--numeric-owner", "--preserve-permissions", "--directory", str(folder))
    return start_here(run, *command, stdin=subprocess.PIPE)


def require_free_names(live: Path, backup_id: str) -> None:
    """Refuse when a folder of another owner has a name that the restore needs."""
    for folder in (beside(live, "restore", backup_id), beside(live, "before", backup_id)):
        if folder.exists() and not is_marked(folder):
            name = shlex.quote(str(folder))
            what = f"{folder} is in the way, and no restore marked it as its own"
            raise Failed(what, f"move it: mv -T {name} {name}.old")


class Swap:
    """Attachments of a backup: unpack them beside the live ones, swap them in, and swap them back.

    The swap moves entry by entry. The folder itself is mounted into NocoDB's container, which would keep a
    renamed folder.

    Args:
        live: folder of the live attachments.
        backup_id: id of the backup.

    Attributes:
        files: folder of the unpacked attachments.
        aside: folder of the formerly live attachments during the swap.
    """

    def __init__(self, live: Path, backup_id: str) -> None:
        self._live, self._unpacked = live, beside(live, "restore", backup_id)
        self.files, self.aside = self._unpacked / "files", beside(live, "aside", backup_id)
        self._kept = beside(live, "before", backup_id)
        self._emptied = self._stuck = False

    def prepare(self) -> None:
        """Create the folder to unpack into. It gets its mark before it gets any content."""
        self._unpacked.parent.mkdir(parents=True, exist_ok=True)
        self._unpacked.mkdir()
        mark_folder(self._unpacked)
        self.files.mkdir()

    def discard(self) -> None:
        """Remove the unpacked attachments, unless the swap stopped halfway and could not be undone."""
        if not self._stuck:
            remove_folders([self._unpacked])

    def do(self) -> None:
        """Move the live attachments aside, and the unpacked ones into their place."""
        self._live.mkdir(parents=True, exist_ok=True)
        self.aside.mkdir(parents=True, exist_ok=True)
        move_entries(self._live, self.aside)
        self._emptied = True
        move_entries(self.files, self._live)
        self.files.rmdir()

    def undo(self) -> None:
        """Move the formerly live attachments back, and the unpacked ones out of their place."""
        if not self.aside.is_dir():
            return
        self._stuck = True
        if self._emptied:
            self.files.mkdir(exist_ok=True)
            move_entries(self._live, self.files)
        move_entries(self.aside, self._live)
        self.aside.rmdir()
        self._stuck = False

    def keep(self, run: Run) -> None:
        """Keep the formerly live attachments until the next restore; remove those of earlier restores."""
        remove_folders([self._unpacked, *find_marked(self._live, "before")], run.log)
        mark_folder(self.aside, self._kept.name)
        self.aside.rename(self._kept)


def find_marked(live: Path, kind: str) -> list[Path]:
    """Return the folders beside the live folder with names that a restore gives."""
    return [each for each in find(live, kind) if len(each.name) == len(beside(live, kind).name)]


def move_entries(source: Path, target: Path) -> None:
    """Move all entries of a folder into another folder; never over an existing entry."""
    for entry in sorted(source.iterdir()):
        if os.path.lexists(target / entry.name):
            raise FileExistsError(f"{target / entry.name} exists already")
        shutil.move(entry, target / entry.name)
