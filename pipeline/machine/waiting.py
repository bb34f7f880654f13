"""Wait until a condition is true."""

from collections.abc import Awaitable, Callable

import anyio

PAUSE = 0.2


async def until(ready: Callable[[], Awaitable[bool]], limit: float) -> bool:
    """Check a condition again and again until it is true.

    Args:
        ready: checks the condition.
        limit: the most seconds to wait; a check that takes longer is cancelled.

    Returns:
        Whether the condition became true in time.
    """
    with anyio.move_on_after(limit):
        while True:
            if await ready():
                return True
            await anyio.sleep(PAUSE)
    return False
