"""Stop NocoDB, or its database, on the Swarm while the data is replaced or backed up for the last time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from anyio import current_time

from pipeline.deployment import DATABASE_SERVICE, NOCODB_SERVICE, Deployment
from pipeline.runners.cleanup import afterwards, clean_after


@dataclass
class Away:
    """How long NocoDB was down, in seconds; None on local nodes, where it does not run."""

    seconds: float | None = None


@asynccontextmanager
async def stopped(d: Deployment) -> AsyncIterator[None]:
    """Stop NocoDB, and start it again only if the block fails."""
    try:
        await _scale(d, NOCODB_SERVICE, 0)
        yield
    except BaseException as error:
        await clean_after(error, partial(_scale, d, NOCODB_SERVICE, 1))
        raise


@asynccontextmanager
async def away(d: Deployment) -> AsyncIterator[Away]:
    """Stop NocoDB during the block, because what it has cached in memory does not fit another database.

    Yields:
        The time until NocoDB was healthy again; it is set after the block.

    Raises:
        PipelineError: NocoDB could not be stopped, or did not become healthy again.
    """
    absence, began = Away(), current_time()
    async with afterwards(partial(_scale, d, NOCODB_SERVICE, 1)):
        await _scale(d, NOCODB_SERVICE, 0)
        yield absence
    if d.real_nodes:
        absence.seconds = round(current_time() - began, 1)


@asynccontextmanager
async def database_stopped(d: Deployment) -> AsyncIterator[None]:
    """Stop the database during the block, because its files are exchanged.

    Raises:
        PipelineError: the database could not be stopped, or did not become healthy again.
    """
    async with afterwards(partial(_scale, d, DATABASE_SERVICE, 1)):
        await _scale(d, DATABASE_SERVICE, 0)
        yield


async def _scale(d: Deployment, service: str, replicas: int) -> None:
    if d.real_nodes:
        (await d.run(d.ansible.scale(service, replicas))).check()
