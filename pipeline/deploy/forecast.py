"""A forecast: the plan of a stack as if everything that it reads existed. It is shown, and never applied."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from secrets import token_hex

from anyio import create_task_group

from pipeline.deploy.planning import read_plan
from pipeline.deployment import READS, Deployment
from pipeline.errors import PipelineError
from pipeline.runners.cleanup import afterwards
from pipeline.states.ready import is_unused
from pipeline.steps.step import Step
from pipeline.tofu.backends.local import FILE
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import CHANGES, Stack
from pipeline.tofu.state import State


async def is_first(d: Deployment, known: Mapping[str, State]) -> bool:
    """Tell whether nothing was ever deployed, so that a forecast shows nothing but creations.

    Args:
        d: the deployment. Where the place of its states does not exist, both folders must be unused.
        known: the states by stack.
    """
    if not all(state.empty for state in known.values()):
        return False
    return await d.backend.exists() or all([await is_unused(d, stack) for stack in (d.storage, d.app)])


async def forecast_stacks(d: Deployment, deferred: dict[str, str]) -> dict[str, Plan]:
    """Return the forecasts of the deferred stacks, by name.

    Args:
        d: the deployment.
        deferred: the reasons by stack; that of a stack whose forecast fails is completed.
    """
    found: dict[str, Plan] = {}
    async with create_task_group() as group:
        for stack in (d.storage, d.app):
            if stack.name in deferred:
                group.start_soon(_forecast_into, found, d, stack, deferred)
    return found


async def _forecast_into(
    found: dict[str, Plan], d: Deployment, stack: Stack, deferred: dict[str, str]
) -> None:
    """Add a forecast. If it fails, the page says why, and the other plans are good all the same."""
    try:
        found[stack.name] = await forecast(d, stack)
    except PipelineError as error:
        deferred[stack.name] += f"; its forecast failed: {error.what}"


async def forecast(d: Deployment, stack: Stack) -> Plan:
    """Plan a stack on a made-up state of storage. No state is locked or written, and no file remains.

    Args:
        d: the deployment.
        stack: the stack; its own state is empty.

    Raises:
        PipelineError: the tool failed.
    """
    scratch = PurePosixPath(f".terraform/forecast-{token_hex(4)}")
    made_up, file = scratch / FILE, str(scratch / "forecast.tfplan")
    if not await d.backend.exists():  # the providers alone
        (await d.run(stack.init("-backend=false"))).check()
    async with afterwards(partial(_remove, d, stack, scratch)):
        await d.runner.write(stack.workdir / made_up, json.dumps(_storage_state(d)), 0o600)
        (await d.run(_reading(stack, made_up).forecast(file))).check(CHANGES)
        return await read_plan(d, stack, file)


def _reading(stack: Stack, made_up: PurePosixPath) -> Stack:
    """Let a stack read the made-up state. The path begins in its folder: HCL takes "${" for a template."""
    values = ("local", json.dumps({"path": str(made_up)}))
    return replace(stack, env={**stack.env, **dict(zip(READS, values, strict=True))})


def _storage_state(d: Deployment) -> dict[str, object]:
    """Return a state of storage with the outputs that infrastructure/terraS3 would have, and nothing else."""
    arn = f"arn:{d.cloud.partition}:s3:::{d.bucket}"
    values = {"s3_bucket_name": d.bucket, "s3_bucket_arn": arn, "region": d.cloud.region}
    outputs = {name: {"value": value, "type": "string"} for name, value in values.items()}
    return {"version": 4, "serial": 1, "lineage": "forecast", "outputs": outputs, "resources": []}


async def _remove(d: Deployment, stack: Stack, scratch: PurePosixPath) -> None:
    command = ("rm", "-rf", str(stack.workdir / scratch))
    (await d.run(Step(f"{stack.name}: forecast removed", command))).check()
