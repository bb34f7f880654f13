"""Work in a thread."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any


def in_background(work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    """Do some work in a daemon thread: the run can end before the work does."""
    future: Future[Any] = Future()

    def do() -> None:
        try:
            future.set_result(work(*arguments))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=do, daemon=True).start()
    return future
