"""The deployment of a rehearsal on local nodes: LocalStack replaces AWS, directories replace machines."""

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from secrets import token_urlsafe
from typing import Any

from pipeline.deployment import DATABASE, Deployment
from pipeline.machine.room import require_room, temporary
from pipeline.rehearsal.database import Database
from pipeline.rehearsal.surroundings import Surroundings, open_surroundings
from pipeline.reporting.activity import activity
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.host import HostRunner
from pipeline.runners.workbench import Workbench
from pipeline.targets.emulator import VAULT_PASSWORD, emulated_deployment, lay_vault, require_emulator, vault
from pipeline.tofu import binary as tools
from pipeline.tofu.download import find_or_download_tofu
from pipeline.tofu.stack import STACKS

REHEARSAL_BYTES = 500 * 10**6
"""The most bytes of the rehearsal's directory: 331 MB were measured, without the provider."""

OpenSurroundings = Callable[[Progress, Report], AbstractAsyncContextManager[tuple[Surroundings, Workbench]]]
"""Where a rehearsal runs: on this machine, or in containers."""


@asynccontextmanager
async def rehearse_on_this_machine(
    progress: Progress, report: Report
) -> AsyncIterator[tuple[Surroundings, Workbench]]:
    """Rehearse on this machine: the servers and the steps are processes.

    Args:
        progress: shows notes and steps to the user.
        report: records start and stop of the servers.

    Raises:
        ToolError: a server did not start, or a tool is missing and cannot be downloaded.
    """
    room = temporary(REHEARSAL_BYTES, "for a rehearsal")
    require_room([room, *tools.downloads(room.directory / folder for folder in STACKS.values())])
    async with open_surroundings(partial(activity, progress, report)) as surroundings:
        yield surroundings, workbench(surroundings.workspace, rehearsal_secrets(surroundings), progress)


def workbench(directory: PurePath, secrets: Mapping[str, str], progress: Progress) -> Workbench:
    """Return the runner and the tools of a rehearsal on this machine.

    Args:
        directory: the workspace.
        secrets: the secrets that the runner holds.
        progress: shows notes and steps to the user.

    Raises:
        ToolError: OpenTofu is missing and cannot be downloaded.
    """
    workspace = Path(directory)
    home = workspace / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    runner = HostRunner(workspace, secrets, progress, (Path(sys.executable).parent,), home)
    tofu = str(find_or_download_tofu())
    return Workbench(runner, tofu, tools.provider_environment(workspace / ".tofu"))


def rehearsal_secrets(surroundings: Surroundings) -> dict[str, str]:
    """Return the secrets that the steps of a rehearsal need, with a new password for the vault."""
    return {VAULT_PASSWORD: token_urlsafe(18), "PGPASSWORD": surroundings.database.password}


def local_deployment(
    surroundings: Surroundings,
    suffix: str,
    progress: Progress,
    report: Report,
    bench: Workbench | None = None,
) -> Deployment:
    """Return the deployment of a rehearsal on local nodes.

    Args:
        surroundings: the servers and the workspace.
        suffix: the deployment's suffix, lower case.
        progress: shows notes and steps to the user.
        report: records every step.
        bench: executes the steps in that workspace; None means this machine.

    Raises:
        ToolError: a tool is missing and cannot be downloaded.
    """
    bench = bench or workbench(surroundings.workspace, rehearsal_secrets(surroundings), progress)
    d = emulated_deployment(surroundings.aws, bench, suffix, progress, report)
    return replace(d, common={**d.common, **common()}, hosts=hosts(surroundings), real_nodes=False)


async def prepare(d: Deployment, surroundings: Surroundings) -> None:
    """Make sure that the endpoint is the emulator, then write a vault and the database's first data.

    Raises:
        SettingsError: the endpoint is not the emulator.
        PipelineError: a step failed.
    """
    await require_emulator(d.cloud)
    await lay_vault(d, vault(surroundings.database.password))
    database = Database(d, surroundings.database)
    await database.sql("database: created", f"CREATE DATABASE {DATABASE}", "postgres")
    await database.run("database: first data", "first.sql")


def common() -> dict[str, Any]:
    """Return the inventory variables that make every node a directory."""
    return {
        "node_is_real": False,
        "ansible_connection": "local",
        "ansible_remote_tmp": '"$HOME"/.ansible/tmp',  # a shell expands it; the default ignores HOME
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }


def hosts(surroundings: Surroundings) -> dict[str, dict[str, Any]]:
    """Return the inventory variables of each node: its directory, and the address of the database."""
    server = surroundings.database
    direct = {
        "pg_backup_pg_bin": str(server.bin),
        "pg_backup_pg_host": server.host,
        "pg_backup_pg_port": server.port,
    }
    everywhere: dict[str, Any] = {
        "node_environment": {}
    }  # a local node already has the environment of its step
    prefix = {
        name: {"node_prefix": str(surroundings.workspace / "nodes" / name), **everywhere}
        for name in ("manager", "database")
    }
    return {**prefix, "database": prefix["database"] | direct}
