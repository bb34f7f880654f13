"""A unit test starts no process and speaks to no server: one that does is red, even if the code goes on."""

import sys
from collections.abc import Iterator

import pytest

OUTSIDE = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.spawn",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
}
"""The events by which Python tells its audit hooks that a process begins, or that a socket is used."""


class Guard:
    """Python keeps an audit hook until it ends, so this one knows when a unit test runs."""

    def __init__(self) -> None:
        self.on = False
        self.refused: list[str] = []

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on or event not in OUTSIDE:
            return
        self.refused.append(f"{event}{arguments!r:.200}")
        raise RuntimeError(f"a unit test may not do this: {self.refused[-1]}")

    def watch(self) -> Iterator[None]:
        """Refuse what a unit test may not do, and fail it even if the code under test caught the refusal."""
        self.on, self.refused = True, []
        try:
            yield
        finally:
            self.on = False
        self.judge()

    def judge(self) -> None:
        if self.refused:
            pytest.fail(f"not a unit test, see {__file__}: {self.refused}")


GUARD = Guard()
sys.addaudithook(GUARD)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    yield from GUARD.watch()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    yield from GUARD.watch()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    yield from GUARD.watch()
