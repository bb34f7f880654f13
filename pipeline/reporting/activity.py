"""Work of the pipeline itself, shown and recorded like a step, such as the start of a server."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from types import TracebackType
from typing import TypeVar

from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report, now
from pipeline.steps.step import Result, Step

Act = Callable[[str], AbstractContextManager[object]]
"""Shows a block as an activity of that name; `nullcontext` shows nothing."""
Server = TypeVar("Server")


@contextmanager
def activity(progress: Progress, report: Report, name: str) -> Iterator[None]:
    """Show the block as a running step, and record how it ended.

    Args:
        progress: shows it.
        report: records it, with an empty command.
        name: the name that users see, such as "LocalStack: start".
    """
    step, started, begun = Step(name, ()), now(), time.monotonic()
    result: Result | None = None
    progress.begin_step(step)
    try:
        yield
        result = Result(step, 0, "", "", time.monotonic() - begun)
    except Exception as error:
        said = str(error)
        result = Result(step, 1, "", said, time.monotonic() - begun, said.partition("\n")[0])
        raise
    finally:
        progress.end_step(step, result)
        if result:
            report.record_result(result, started)
        else:
            report.record_interruption(step, started)


class Shown(AbstractAsyncContextManager[Server]):
    """A server whose start and stop are activities.

    Args:
        act: shows them.
        name: the server's name.
        server: runs the server during a block.
    """

    def __init__(self, act: Act, name: str, server: AbstractAsyncContextManager[Server]) -> None:
        self._act, self._name, self._server = act, name, server

    async def __aenter__(self) -> Server:
        """Start the server."""
        with self._act(f"{self._name}: start"):
            return await self._server.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Stop the server."""
        with self._act(f"{self._name}: stop"):
            return await self._server.__aexit__(kind, error, trace)
