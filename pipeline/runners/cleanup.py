"""Clean up at the end of a block, even if the block failed or was cancelled."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from anyio import CancelScope

from pipeline.errors import PipelineError


@asynccontextmanager
async def afterwards(clean: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run the block, then clean up, even if the block failed or was cancelled.

    The error of the block is raised. If the cleanup fails too, that is a note on the error.

    Args:
        clean: cleans up; called once.

    Raises:
        PipelineError: only the cleanup failed.
    """
    try:
        yield
    except BaseException as error:
        await clean_after(error, clean)
        raise
    with CancelScope(shield=True):
        await clean()


async def clean_after(error: BaseException, clean: Callable[[], Awaitable[object]]) -> None:
    """Clean up after a failure. If the cleanup fails too, that is a note on the error.

    Args:
        error: the error that ended the block.
        clean: cleans up; called once.
    """
    try:
        with CancelScope(shield=True):
            await clean()
    except PipelineError as failure:
        error.add_note(f"and afterwards: {failure.what}")
