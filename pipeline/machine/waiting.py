"""Waiting for something that comes true by itself."""

from collections.abc import Awaitable, Callable

import anyio

PAUSE = 0.2


async def until(ready: Callable[[], Awaitable[bool]], limit: float) -> bool:
    """Ask again and again until the answer is yes.

    Args:
        ready: what is asked.
        limit: seconds after which nobody asks any more; a question that takes longer is cancelled.

    Returns:
        Whether it came true in time.
    """
    with anyio.move_on_after(limit):
        while True:
            if await ready():
                return True
            await anyio.sleep(PAUSE)
    return False
