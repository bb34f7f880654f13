"""A run's own workspace in containers: a volume with a copy of infrastructure/, emptied at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import FIX_BELOW, ToolError
from pipeline.runners.cleanup import afterwards
from pipeline.runners.container import WORKSPACE, outcome, tried

if TYPE_CHECKING:
    import dagger

SOURCE = "/source"


@asynccontextmanager
async def workspace(
    dag: "dagger.Client", toolbox: "dagger.Container", infrastructure: "dagger.Directory", run: str
) -> AsyncIterator["dagger.Container"]:
    """Yield the toolbox with a new workspace that all its execs share. The workspace is emptied afterwards.

    Args:
        dag: Dagger's client.
        toolbox: the container in which the steps run.
        infrastructure: the folder to copy into the workspace.
        run: the unique name of this run: each run has its own volume.

    Raises:
        ToolError: the folder could not be copied.
    """
    mounted = toolbox.with_mounted_cache(str(WORKSPACE), dag.cache_volume(f"quickdata-{run}"))
    copy = ("cp", "-a", f"{SOURCE}/.", str(WORKSPACE / "infrastructure"))
    async with afterwards(partial(_empty, mounted)):
        await _run("workspace", tried(mounted.with_mounted_directory(SOURCE, infrastructure), *copy))
        yield mounted


async def _empty(mounted: "dagger.Container") -> None:
    empty = ("find", str(WORKSPACE), "-mindepth", "1", "-delete")
    await _run("workspace: emptied", tried(mounted, *empty))


async def _run(name: str, container: "dagger.Container") -> None:
    code, _, said = await outcome(name, container)
    if code:
        raise ToolError(f"{name}: failed with exit code {code}", FIX_BELOW, said)
