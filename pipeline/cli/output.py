"""Standard output and error that outlive their readers: a run goes on behind `| head` or a lost terminal."""

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from pipeline.machine import encoding

GONE = (errno.EPIPE, errno.EIO)
"""What a write says when nobody reads any more: of a pipe, and of a terminal."""


class Output(io.FileIO):
    """Writes to a file descriptor, and drops what nobody reads."""

    def write(self, data: Any, /) -> int:
        """Write some bytes; once the reader has gone, to /dev/null."""
        try:
            return os.write(self.fileno(), data)
        except OSError as error:
            if error.errno not in GONE:
                raise
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self.fileno())
        return os.write(self.fileno(), data)


def outlive_readers() -> None:
    """Let the work end with its own exit code when nobody reads what it says, or a mark cannot be encoded."""
    sys.stdout, sys.stderr = _outliving(sys.stdout), _outliving(sys.stderr)


def _outliving(stream: TextIO | None) -> TextIO:
    if stream is None:  # it was closed from the start
        return Path(os.devnull).open("w")
    raw = Output(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, encoding.HANDLER, line_buffering=True)
