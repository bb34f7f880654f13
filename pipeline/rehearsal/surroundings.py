"""The servers beside a rehearsal: LocalStack and PostgreSQL, and the throwaway workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePath

from pipeline.backups.places import at, own
from pipeline.backups.site import OpenSite
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.servers.localstack import LocalStack, localstack
from pipeline.servers.postgres import Postgres, postgres


@dataclass(frozen=True)
class Surroundings:
    """What a rehearsal runs in.

    Args:
        aws: the emulator.
        database: what stands for the stack's db service.
        workspace: a throwaway directory with the infrastructure in it, as the steps see it.
        site: where its drill happens.
    """

    aws: LocalStack
    database: Postgres
    workspace: PurePath
    site: OpenSite


@asynccontextmanager
async def open_surroundings() -> AsyncIterator[Surroundings]:
    """Run the servers beside the block; nothing of them, nor a file, is left behind.

    Raises:
        ToolError: a server did not start.
    """
    with throwaway_workspace() as directory:
        async with postgres(directory / "postgres") as database, localstack(directory / "localstack") as aws:
            yield Surroundings(aws, database, directory / "workspace", site=at(own))
