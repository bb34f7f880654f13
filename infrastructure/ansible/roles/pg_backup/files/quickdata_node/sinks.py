"""Where an object's content goes: into a program, or into memory."""

import subprocess
from typing import Protocol

from quickdata_node.server import ServerFailed


class Enough(Exception):  # noqa: N818 - no error
    """A sink needs no more."""


class Sink(Protocol):
    """Where an object's content goes."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""

    def close(self) -> object:
        """Take note that this was all; raises when it was taken badly."""


class Program:
    """A program that reads an object's content.

    Args:
        child: it runs.
    """

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin
        self._child, self._input = child, child.stdin

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        return self._input.write(data)

    def close(self) -> None:
        """Wait for its end."""
        try:
            self._input.close()
        finally:
            code = self._child.wait()
        if code:
            raise ServerFailed(f"exit code {code}")


class Kept:
    """Keeps an object's content in memory: globals hold password hashes, which belong on no disk."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        self.content += data
        return None

    def close(self) -> None:
        """It is all there."""
