"""What has to happen at the end of a block, whatever ended it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from anyio import CancelScope

from pipeline.errors import PipelineError


@asynccontextmanager
async def afterwards(clean: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run the block, then clean, also when the block failed or was cancelled.

    The block's own error is the one that is raised; what then went wrong is a note on it.

    Args:
        clean: asked once.

    Raises:
        PipelineError: nothing else failed but the cleaning.
    """
    try:
        yield
    except BaseException as error:
        await clean_after(error, clean)
        raise
    with CancelScope(shield=True):
        await clean()


async def clean_after(error: BaseException, clean: Callable[[], Awaitable[object]]) -> None:
    """Clean after a failure; what goes wrong then is a note on its error.

    Args:
        error: why the block ended.
        clean: asked once.
    """
    try:
        with CancelScope(shield=True):
            await clean()
    except PipelineError as failure:
        error.add_note(f"and afterwards: {failure.what}")
