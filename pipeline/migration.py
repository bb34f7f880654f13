"""Both states moved from one place to another: copied, compared, and only then left."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import CancelScope

from pipeline import state
from pipeline.backends.backend import Backend
from pipeline.deployment import Deployment
from pipeline.errors import StateElsewhere, ToolError
from pipeline.lock import own
from pipeline.state import State
from pipeline.states import OVERRIDE, RECORD, kept_in, pulled, pulled_text
from pipeline.tofu import Stack


@dataclass(frozen=True)
class Move:
    """One stack's move.

    Args:
        stack: the stack as its old place has it.
        old: the deployment with its states where they were.
        new: the deployment with its states where they shall be.
        target: the stack as its new place has it.
    """

    stack: Stack
    old: Deployment
    new: Deployment
    target: Stack


async def migrate(d: Deployment, source: Backend, destination: Backend) -> dict[str, str]:
    """Move both states; a move that was interrupted is continued by moving again.

    Args:
        d: the deployment, with local states.
        source: where they are.
        destination: where they shall be.

    Returns:
        What was done, by stack.

    Raises:
        StateElsewhere: the destination holds another state: nothing was changed.
        StateLocked: a run is using a state.
        PipelineError: a step failed: the old state is still there.
    """
    old, new = kept_in(d, source), kept_in(d, destination)
    await destination.create(new)
    storage = Move(old.storage, old, new, new.storage)
    app = Move(old.app, old, new, new.app)
    return {move.stack.name: await _moved(move) for move in (storage, app)}


async def _moved(move: Move) -> str:
    async with _going_back(move):
        await pulled(move.old, move.stack)
        mine = own("migrate-state")
        async with move.old.backend.locked(move.old, move.stack, mine):
            text = (await move.old.run(move.stack.state())).check().stdout
            before, there = state.read(text), await pulled(move.new, move.target)
            if before.empty and not before.lineage:
                return "was moved before" if there.lineage else "has no state yet"
            _require_same_history(move, before, there)
            await _copied(move, text, before)
            left = await move.old.backend.leave(move.old, move.stack, mine)
    return f"{len(before.resources)} resources, serial {before.serial}; its old copy: {left}"


async def _copied(move: Move, text: str, before: State) -> None:
    (await move.new.run(move.target.push(text))).check()
    after = state.read(await pulled_text(move.new, move.target))
    if _contents(after) != _contents(before) or after.serial < before.serial:
        what = f"{move.stack.name}: what {move.new.backend.name} gives back is not what was moved there"
        raise ToolError(what, f"the state in {move.old.backend.name} was kept: report this defect")


def _contents(found: State) -> tuple[str, str]:
    return found.lineage, json.dumps([found.outputs, found.resources], sort_keys=True)


def _require_same_history(move: Move, before: State, there: State) -> None:
    """Let nothing be overwritten but an earlier copy of this very state."""
    if not there.lineage or (there.lineage == before.lineage and there.serial <= before.serial):
        return
    name, other = move.stack.name, move.new.backend.name
    newer = "a newer version of this state" if there.lineage == before.lineage else "another state"
    what = f"{name}: {other} already holds {newer} ({len(there.resources)} resources)"
    mend = f"nothing was changed; see which of the two is right, and put the other one away: --state {other}"
    raise StateElsewhere(what, mend)


@asynccontextmanager
async def _going_back(move: Move) -> AsyncIterator[None]:
    """Leave the folder as it was if the move fails: it must go on pointing to where the state is."""
    paths = [move.stack.workdir / name for name in (OVERRIDE, RECORD)]
    before = {path: await move.old.runner.read(path) for path in paths}
    try:
        yield
    except BaseException:
        with CancelScope(shield=True):
            for path, text in before.items():
                await move.old.runner.remove(path)
                if text is not None:
                    await move.old.runner.write(path, text, 0o600)
        raise
