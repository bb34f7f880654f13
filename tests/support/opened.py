"""What the kernel tells of files that were opened: inotify(7), Linux."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

IN_OPEN = 0x20
EVENT = struct.Struct("iIII")
ROOM = 65536

libc = ctypes.CDLL(None, use_errno=True)


class Opened:
    """Watches files from now on, whoever opens them."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._queue = libc.inotify_init1(os.O_NONBLOCK)
        watches = {self._watch(path): path for path in paths}
        if self._queue < 0 or -1 in watches:
            raise OSError(ctypes.get_errno(), "inotify")
        self._paths = watches

    def _watch(self, path: Path) -> int:
        return int(libc.inotify_add_watch(self._queue, os.fsencode(path), IN_OPEN))

    def until_now(self) -> set[Path]:
        """Return the files that were opened, and stop watching."""
        try:
            events = os.read(self._queue, ROOM)
        except BlockingIOError:
            events = b""
        os.close(self._queue)
        found, at = set(), 0
        while at < len(events):
            watch, _mask, _cookie, length = EVENT.unpack_from(events, at)
            found.add(self._paths[watch])
            at += EVENT.size + length
        return found
