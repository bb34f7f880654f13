"""What a rehearsal on local nodes runs in: LocalStack, PostgreSQL, and a throwaway workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import PurePath

from pipeline.backups.places import at, own
from pipeline.backups.site import OpenSite
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.reporting.activity import Act, Shown
from pipeline.servers.localstack import LocalStack, localstack
from pipeline.servers.postgres import Postgres, postgres


@dataclass(frozen=True)
class Surroundings:
    """What a rehearsal runs in.

    Args:
        aws: the emulator.
        database: the server that replaces the stack's db service.
        workspace: a throwaway directory with a copy of infrastructure/; the path as the steps see it.
        site: where the drill runs.
    """

    aws: LocalStack
    database: Postgres
    workspace: PurePath
    site: OpenSite


@asynccontextmanager
async def open_surroundings(act: Act = nullcontext) -> AsyncIterator[Surroundings]:
    """Run the servers during the block. Afterwards no process and no file is left behind.

    Args:
        act: shows start and stop of the servers.

    Raises:
        ToolError: a server did not start.
    """
    with throwaway_workspace() as directory:
        async with (
            Shown(act, "PostgreSQL", postgres(directory / "postgres")) as database,
            Shown(act, "LocalStack", localstack(directory / "localstack")) as aws,
        ):
            yield Surroundings(aws, database, directory / "workspace", site=at(own))
