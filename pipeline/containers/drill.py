"""A drill in containers: the throwaway PostgreSQL is a service, and the restore is an exec."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

from pipeline.backups.catalogue import Backup
from pipeline.backups.site import PROGRAM, Holds, OpenSite, Site
from pipeline.containers.services import postgres
from pipeline.containers.toolbox import VENV, Toolbox, engine_secrets
from pipeline.containers.workspace import workspace
from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.progress import Progress
from pipeline.runners.container import ContainerRunner
from pipeline.steps.masks import Masks

if TYPE_CHECKING:
    import dagger


def beside_a_service(box: Toolbox, known: "Mapping[str, dagger.Secret]") -> OpenSite:
    """Return a function that opens a drill's site.

    Args:
        box: the toolbox in which the server and the program run.
        known: the engine's secrets by value; an emulator's keys are not secrets.
    """

    @asynccontextmanager
    async def site(holds: Holds, _backup: Backup, progress: Progress) -> AsyncIterator[Site]:
        async with drilling(box, known, holds, progress) as opened:
            yield opened

    return site


@asynccontextmanager
async def drilling(
    box: Toolbox,
    known: "Mapping[str, dagger.Secret]",
    holds: Holds,
    progress: Progress,
) -> AsyncIterator[Site]:
    """Yield the site of one drill.

    Args:
        box: the toolbox in which the server and the program run.
        known: the engine's secrets by value.
        holds: returns the secrets that the program needs for a server.
        progress: shows notes and steps to the user.

    Raises:
        ToolError: the server did not start.
    """
    run = token_hex(8)
    async with (
        postgres(box.dag, box.container, run) as server,
        workspace(box.dag, box.container, box.infrastructure, run) as mounted,
    ):
        values = holds(server)
        secrets = engine_secrets(box, values, known, run)
        runner = ContainerRunner(mounted, secrets, Masks(values), progress)
        program = runner.root / "infrastructure" / PROGRAM.relative_to(REPOSITORY / "infrastructure")
        yield Site(runner, server, str(program), f"{VENV}/bin/python")
