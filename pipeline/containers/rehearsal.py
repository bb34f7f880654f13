"""A rehearsal in containers: its servers are services, and its workspace is a volume."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import PurePosixPath
from secrets import token_hex
from typing import TYPE_CHECKING

from pipeline.containers.drill import beside_a_service
from pipeline.containers.services import localstack, postgres
from pipeline.containers.toolbox import TOFU, Toolbox, tofu_environment
from pipeline.containers.workspace import workspace
from pipeline.rehearsal.local_nodes import rehearsal_secrets
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.rehearsal.workspace import REAL
from pipeline.reporting.activity import Shown, activity
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.cleanup import afterwards
from pipeline.runners.container import WORKSPACE, ContainerRunner
from pipeline.runners.workbench import Workbench
from pipeline.steps.masks import Masks

if TYPE_CHECKING:
    import dagger

STATE_FILES = tuple(
    PurePosixPath("infrastructure", stack, "terraform.tfstate") for stack in ("terraS3", "terraform")
)


@asynccontextmanager
async def containers(
    box: Toolbox,
    progress: Progress,
    report: Report,
    keep: Callable[["dagger.Directory"], None],
) -> AsyncIterator[tuple[Surroundings, Workbench]]:
    """Rehearse in containers, without the files of a real deployment in infrastructure/.

    Args:
        box: the toolbox in which the servers and the steps run.
        progress: shows notes and steps to the user.
        report: records start and stop of the servers.
        keep: gets the states at the end.

    Raises:
        ToolError: a server did not start.
    """
    run, act = token_hex(8), partial(activity, progress, report)
    clean = box.infrastructure.filter(exclude=[f"**/{pattern}" for pattern in REAL])
    async with (
        Shown(act, "LocalStack", localstack(box.container, run)) as aws,
        Shown(act, "PostgreSQL", postgres(box.dag, box.container, run)) as database,
        workspace(box.dag, box.container, clean, run) as mounted,
    ):
        surroundings = Surroundings(aws, database, WORKSPACE, beside_a_service(box, {}))
        values = rehearsal_secrets(surroundings)
        secrets = {name: box.dag.set_secret(f"{run}-{name}", value) for name, value in values.items()}
        runner = ContainerRunner(mounted, secrets, Masks(values), progress)
        async with afterwards(partial(_keep_states, runner, keep)):
            yield surroundings, Workbench(runner, TOFU, tofu_environment(box.sources))


async def _keep_states(runner: ContainerRunner, keep: Callable[["dagger.Directory"], None]) -> None:
    keep(await runner.keep(*STATE_FILES))
