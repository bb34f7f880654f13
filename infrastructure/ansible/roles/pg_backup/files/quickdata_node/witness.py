"""What goes up is read again on its way, by the program that reads it when it comes back."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from subprocess import Popen
from typing import IO, Generic, TypeVar

from quickdata_node.background import in_background
from quickdata_node.server import ServerFailed

Said = TypeVar("Said")


class Witness(Generic[Said]):
    """A program that reads an object, and what it says of it.

    Args:
        child: it runs.
        understand: reads what it says.

    Attributes:
        said: what it has said, once it was closed.
    """

    said: Said

    def __init__(self, child: Popen[bytes], understand: Callable[[IO[bytes]], Said]) -> None:
        assert child.stdin
        self._child, self._input, self._seen_enough = child, child.stdin, False
        self._understood: Future[Said] = in_background(self._listen, understand)

    def _listen(self, understand: Callable[[IO[bytes]], Said]) -> Said:
        assert self._child.stdout
        with self._child.stdout as output:  # a program to which nobody listens any more ends
            return understand(output)

    def write(self, data: bytes, /) -> None:
        """Show it the next bytes, unless it has seen enough."""
        if not self._seen_enough:
            try:
                self._input.write(data)
            except BrokenPipeError:
                self._seen_enough = True

    def close(self) -> None:
        """Wait until it has said all.

        Raises:
            ServerFailed: it failed.
        """
        with suppress(BrokenPipeError):
            self._input.close()
        said = self._understood.result()
        if code := self._child.wait():
            raise ServerFailed(f"{self._child.args!r}, which reads it again, ended with exit code {code}")
        self.said = said

    def dismiss(self) -> None:
        """End it, whatever it is doing: nobody wants to know any more."""
        self._child.kill()
        with suppress(BrokenPipeError):
            self._input.close()


class Nobody:
    """Where nobody reads what goes up."""

    said = None

    def write(self, data: bytes, /) -> None:
        """Ignore it."""

    def close(self) -> None:
        """There is nothing to say."""

    def dismiss(self) -> None:
        """There is nobody to end."""
