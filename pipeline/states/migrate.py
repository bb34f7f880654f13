"""Move both states to another place: copy, compare, and only then retire the old state."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from anyio import CancelScope

from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import StateElsewhere, ToolError
from pipeline.states.ready import pull_state
from pipeline.steps.lock import new_lock
from pipeline.steps.step import Step
from pipeline.tofu import state
from pipeline.tofu.backends.base import Backend, backend_block
from pipeline.tofu.backends.local import FILE
from pipeline.tofu.stack import Stack
from pipeline.tofu.state import State

BACKEND = "backend.tf"
EMPTY = json.dumps({"version": 4, "serial": 0, "lineage": "empty", "outputs": {}, "resources": []})


@dataclass(frozen=True)
class ReachedState:
    """One state in one place, reached from a folder that has only the backend block.

    The stack's own folder cannot be used: `init` would ask what to do with a local state there.

    Args:
        d: the deployment with its states in this place.
        stack: the stack in its own folder.
        scratch: the same stack in the other folder.
    """

    d: Deployment
    stack: Stack
    scratch: Stack

    async def pull(self) -> tuple[str, State]:
        """Return the state as text, and as read."""
        text = (await self.d.run(self.scratch.state())).check().stdout
        return text, state.read(text)


async def migrate(d: Deployment, source: Backend, destination: Backend) -> dict[str, str]:
    """Move both states. Call it again to continue an interrupted move.

    Args:
        d: the deployment.
        source: where the states are.
        destination: where to move the states.

    Returns:
        The result in words, by stack.

    Raises:
        StateElsewhere: the destination already has another state; nothing was changed.
        StateLocked: a run is using a state.
        PipelineError: a step failed; the old state still exists.
    """
    old, new = keep_states_in(d, source), keep_states_in(d, destination)
    await destination.create()
    pairs = ((old.storage, new.storage), (old.app, new.app))
    return {before.name: await _move(old, before, new, after) for before, after in pairs}


async def _move(old: Deployment, before: Stack, new: Deployment, after: Stack) -> str:
    async with _reach(old, before) as source, _reach(new, after) as destination:
        mine = new_lock("migrate-state")
        async with old.backend.hold_lock(before, mine):
            text, moving = await source.pull()
            _, at_destination = await destination.pull()
            if moving.lineage:
                _require_same_history(source, moving, destination, at_destination)
                await _copy(text, moving, destination, at_destination)
                old_copy = await old.backend.put_away(before, mine)
    await pull_state(new, after)
    if not moving.lineage:
        return "was already moved" if at_destination.lineage else "has no state yet"
    return f"{len(moving.resources)} resources, serial {moving.serial}; its old copy: {old_copy}"


@asynccontextmanager
async def _reach(d: Deployment, stack: Stack) -> AsyncIterator[ReachedState]:
    folder = stack.workdir / f".terraform/moving-{d.backend.name}"
    values = d.backend.block(stack.name) or {"path": str(d.runner.root / stack.workdir / FILE)}
    scratch = replace(stack, name=f"{stack.name} in {d.backend.name}", workdir=folder)
    try:
        await d.runner.write(folder / BACKEND, backend_block(d.backend, values), 0o600)
        (await d.run(scratch.init("-reconfigure"))).check()
        yield ReachedState(d, stack, scratch)
    finally:
        with CancelScope(shield=True):
            await d.run(Step(f"{scratch.name}: folder removed", ("rm", "-rf", str(folder))))


async def _copy(text: str, moving: State, destination: ReachedState, at_destination: State) -> None:
    """Write the state, then read it again.

    The tools give the first state in a bucket or in GitLab a new lineage (internal/states/remote/state.go).
    So an empty state is written first, and only an empty state is overwritten by force.
    """
    run, scratch = destination.d.run, destination.scratch
    if _contents(at_destination) != _contents(moving):
        if not at_destination.lineage:
            (await run(scratch.push(EMPTY))).check()
        (await run(scratch.push(text, force=at_destination.lineage != moving.lineage))).check()
    _, after = await destination.pull()
    if _contents(after) != _contents(moving) or after.serial < moving.serial:
        what = f"{destination.scratch.name}: the copy differs from the state that was moved"
        raise ToolError(what, "the old state was kept; report this defect")


def _contents(version: State) -> tuple[str, str]:
    return version.lineage, json.dumps([version.outputs, version.resources], sort_keys=True)


def _require_same_history(
    source: ReachedState, moving: State, destination: ReachedState, at_destination: State
) -> None:
    """Make sure that only an earlier copy of the same state is overwritten."""
    nothing = not at_destination.resources and not at_destination.outputs
    earlier = at_destination.lineage == moving.lineage and at_destination.serial <= moving.serial
    if nothing or earlier or _contents(at_destination) == _contents(moving):
        return
    other = destination.d.backend.name
    which = "a newer version of this state" if at_destination.lineage == moving.lineage else "another state"
    what = f"{source.stack.name}: {other} already holds {which} ({len(at_destination.resources)} resources)"
    right = f"run `quickdata plan --state {other}` in a fresh clone: the right state has no changes"
    fix = f"nothing was changed; to find out which state is right, {right}"
    raise StateElsewhere(what, fix)
