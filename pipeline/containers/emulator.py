"""A deployment from containers to a LocalStack of the caller: with the options for AWS, but without AWS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from pipeline.containers.drill import beside_a_service
from pipeline.containers.services import forwarder, postgres
from pipeline.containers.toolbox import Toolbox
from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import common, hosts, prepare
from pipeline.rehearsal.on_local_nodes import NOT_PROVEN
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.runners.container import WORKSPACE
from pipeline.servers.localstack import LocalStack
from pipeline.steps.masks import known_to_all
from pipeline.targets.emulator import endpoint
from pipeline.tofu.stack import Stack

if TYPE_CHECKING:
    import dagger


@asynccontextmanager
async def emulator(box: Toolbox, service: "dagger.Service", region: str) -> AsyncIterator[LocalStack]:
    """Yield the caller's LocalStack, which containers reach through a forwarder.

    Args:
        box: the toolbox in which the forwarder runs.
        service: the LocalStack.
        region: the deployment's region.

    Raises:
        ToolError: the LocalStack cannot be reached.
    """
    async with forwarder(box.container, token_hex(8), service) as (host, port):
        yield LocalStack(f"http://{host}:{port}", region)


@asynccontextmanager
async def surrounded(box: Toolbox, service: "dagger.Service", region: str) -> AsyncIterator[Surroundings]:
    """Yield the caller's LocalStack and a PostgreSQL, because LocalStack's instances are not real machines.

    Args:
        box: the toolbox in which both servers run.
        service: the LocalStack.
        region: the deployment's region.

    Raises:
        ToolError: the LocalStack cannot be reached, or the database did not start.
    """
    async with (
        emulator(box, service, region) as aws,
        postgres(box.dag, box.container, token_hex(8)) as database,
    ):
        yield Surroundings(aws, database, WORKSPACE, beside_a_service(box, {}))


async def move_to_emulator(d: Deployment, surroundings: Surroundings) -> Deployment:
    """Return a deployment with the emulator as its target, and with directories as nodes.

    Args:
        d: the deployment; its runner holds PGPASSWORD.
        surroundings: the result of `surrounded`.

    Raises:
        SettingsError: the endpoint is not LocalStack.
        PipelineError: the nodes could not be prepared.
    """
    env = {name: value for name, value in surroundings.aws.environment.items() if name not in _keys(d)}
    env |= {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}
    env |= {name: value for name, value in _keys(d).items() if known_to_all(name, value)}
    storage, app = (_with_variables(stack, env) for stack in (d.storage, d.app))
    cloud = replace(d.cloud, endpoint=surroundings.aws.endpoint)
    d = replace(d, cloud=cloud, storage=storage, app=app)
    everywhere = endpoint(surroundings.aws) | common()
    moved = replace(d, common=everywhere, hosts=hosts(surroundings), real_nodes=False)
    d.report.not_proven.extend(NOT_PROVEN)
    await prepare(moved, surroundings)
    return moved


def _keys(d: Deployment) -> dict[str, str]:
    return {name.upper(): value for name, value in d.cloud.credentials.items()}


def _with_variables(stack: Stack, env: dict[str, str]) -> Stack:
    """Return the stack with plain variables, and without the secrets of the same names: those are masked."""
    secrets = tuple(name for name in stack.secrets if name not in env)
    return replace(stack, env={**stack.env, **env}, secrets=secrets)
