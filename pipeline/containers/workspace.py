"""A run's own workspace in containers: a volume with the infrastructure in it, emptied at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import ToolError
from pipeline.runners.cleanup import afterwards
from pipeline.runners.container import WORKSPACE, outcome, tried

if TYPE_CHECKING:
    import dagger

SOURCE = "/source"


@asynccontextmanager
async def workspace(
    dag: "dagger.Client", toolbox: "dagger.Container", infrastructure: "dagger.Directory", run: str
) -> AsyncIterator["dagger.Container"]:
    """Yield the toolbox with a fresh workspace that all its execs share; nothing stays in it.

    Args:
        dag: Dagger's client.
        toolbox: what the steps run on.
        infrastructure: laid down in the workspace.
        run: this run's own name: no two runs share a volume.

    Raises:
        ToolError: the infrastructure could not be laid down.
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
        raise ToolError(f"{name}: failed with exit code {code}", "see the words below", said)
