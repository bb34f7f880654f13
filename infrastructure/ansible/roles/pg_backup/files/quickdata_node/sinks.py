"""The sinks for an object's content: a program, or memory."""

import subprocess
from typing import Protocol

from quickdata_node.server import ServerFailed


class Enough(Exception):  # noqa: N818 - no error
    """The sink needs no more bytes."""


class Sink(Protocol):
    """Receives an object's content."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""

    def close(self) -> object:
        """Finish after the last byte. An error means that the sink could not use the content."""


class Program:
    """A program that reads an object's content.

    Args:
        child: the running program.
    """

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin
        self._child, self._input = child, child.stdin

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        return self._input.write(data)

    def close(self) -> None:
        """Wait until the program ends."""
        try:
            self._input.close()
        finally:
            code = self._child.wait()
        if code:
            raise ServerFailed(f"exit code {code}")


class Kept:
    """Keeps an object's content in memory: globals hold password hashes, which must not be on a disk."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        self.content += data
        return None

    def close(self) -> None:
        """Do nothing: the content is complete."""
