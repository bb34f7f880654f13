"""Reads an object during its upload, by the program that will read it in a restore."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from subprocess import Popen
from typing import IO, Generic, TypeVar

from quickdata_node.background import in_background
from quickdata_node.server import ServerFailed

Said = TypeVar("Said")


class Witness(Generic[Said]):
    """A program that reads an object, and the result of its output.

    Args:
        child: the running program.
        understand: function that turns the program's output into the result.

    Attributes:
        said: the result, after `close`.
    """

    said: Said

    def __init__(self, child: Popen[bytes], understand: Callable[[IO[bytes]], Said]) -> None:
        assert child.stdin
        self._child, self._input, self._seen_enough = child, child.stdin, False
        self._understood: Future[Said] = in_background(self._listen, understand)

    def _listen(self, understand: Callable[[IO[bytes]], Said]) -> Said:
        assert self._child.stdout
        with self._child.stdout as output:  # when its output is closed, the program ends
            return understand(output)

    def write(self, data: bytes, /) -> None:
        """Send the next bytes to the program, unless it has stopped reading."""
        if not self._seen_enough:
            try:
                self._input.write(data)
            except BrokenPipeError:
                self._seen_enough = True

    def close(self) -> None:
        """Wait until the program ends, and keep the result.

        Raises:
            ServerFailed: the program failed.
        """
        with suppress(BrokenPipeError):
            self._input.close()
        said = self._understood.result()
        if code := self._child.wait():
            raise ServerFailed(f"{self._child.args!r}, which checks it, ended with exit code {code}")
        self.said = said

    def dismiss(self) -> None:
        """Kill the program: its result is not needed any more."""
        self._child.kill()
        with suppress(BrokenPipeError):
            self._input.close()


class Nobody:
    """Stands for no witness: nothing reads the object during its upload."""

    said = None

    def write(self, data: bytes, /) -> None:
        """Ignore the bytes."""

    def close(self) -> None:
        """Do nothing: there is no result."""

    def dismiss(self) -> None:
        """Do nothing: there is no program to kill."""
