"""NocoDB on the Swarm, kept from writing while its database is saved for the last time, or replaced."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from anyio import current_time

from pipeline.deployment import Deployment
from pipeline.runners.cleanup import afterwards, clean_after


@dataclass
class Away:
    """How long NocoDB could not be used, in seconds; None on local nodes, where it does not run."""

    seconds: float | None = None


@asynccontextmanager
async def stopped(d: Deployment) -> AsyncIterator[None]:
    """Stop NocoDB for good; if what follows fails, it comes back."""
    try:
        await _scale(d, 0)
        yield
    except BaseException as error:
        await clean_after(error, partial(_scale, d, 1))
        raise


@asynccontextmanager
async def away(d: Deployment) -> AsyncIterator[Away]:
    """Stop NocoDB for the length of the block: what it holds in memory must not meet another database.

    Yields:
        What says afterwards how long it took until it was healthy again.

    Raises:
        PipelineError: it could not be stopped, or is not healthy again.
    """
    absence, began = Away(), current_time()
    await _scale(d, 0)
    async with afterwards(partial(_scale, d, 1)):
        yield absence
    if d.real_nodes:
        absence.seconds = round(current_time() - began, 1)


async def _scale(d: Deployment, replicas: int) -> None:
    if d.real_nodes:
        (await d.run(d.ansible.scale_nocodb(replicas))).check()
