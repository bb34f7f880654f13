"""Make a stack's folder ready for the place of its state, so that no second state begins unnoticed."""

import json
import re
from pathlib import PurePosixPath
from typing import Any

from pipeline.ansible import inventory
from pipeline.deployment import Deployment
from pipeline.errors import RegionDiffers, StateElsewhere, StateLost
from pipeline.steps.lock import Lock
from pipeline.steps.step import Result, Step
from pipeline.tofu import state
from pipeline.tofu.backends.base import override_text
from pipeline.tofu.backends.local import FILE, Local
from pipeline.tofu.stack import Stack
from pipeline.tofu.state import State

OVERRIDE = "backend_override.tf"
RECORD = PurePosixPath(".terraform/terraform.tfstate")
"""The file in which the tools record a folder's backend; it does not exist for local states."""
LOCK = ".terraform.lock.hcl"
"""The tools' record of the chosen providers: OpenTofu's documentation, "Dependency Lock File"."""
CODE = "main.tf"
"""The file of a stack's code that names its providers."""
WANTED = re.compile(r'source\s*=\s*"([^"]+)"\s*version\s*=\s*"([^"]+)"')
LOCKED = re.compile(r'provider "([^"]+)" \{\s*version\s*=\s*"[^"]+"\s*constraints\s*=\s*"([^"]+)"')
NAMES = {"http": "gitlab"}


async def prepare_stack(d: Deployment, stack: Stack) -> State:
    """Make a stack's folder ready and return its state.

    Raises:
        StateElsewhere: the folder was last used with states in another place.
        StateLost: the folder has a local state, so there would be two states.
        RegionDiffers: the stack was applied in another region.
        PipelineError: the tool failed.
    """
    await require_here(d, stack)
    pulled_state = await pull_state(d, stack)
    if (region := pulled_state.outputs.get("region", d.cloud.region)) != d.cloud.region:
        raise RegionDiffers.between(f"{stack.name}: its deployment", region, d.cloud.region)
    return pulled_state


async def require_here(d: Deployment, stack: Stack) -> None:
    """Make sure that this checkout keeps a stack's state in the deployment's place.

    Raises:
        StateElsewhere: the folder was last used with states in another place.
        StateLost: the folder has a local state, so there would be two states.
    """
    await _require_same_place(d, stack)
    if not isinstance(d.backend, Local):
        await _require_no_local(d, stack)


async def is_unused(d: Deployment, stack: Stack) -> bool:
    """Tell whether this checkout never kept a stack's state anywhere, as a fresh clone."""
    there = await d.runner.read(stack.workdir / OVERRIDE)
    local = _holds_something(await d.runner.read(stack.workdir / FILE) or "")
    return there is None and not local and await _recorded_kind(d, stack) == Local.kind


async def find_lock(d: Deployment, stack: Stack) -> Lock | None:
    """Return the lock of a state, which `unlock` may remove; None if there is no lock.

    A lock is shown even if this checkout keeps the state elsewhere: an interrupted move of the states leaves
    a lock in the new place.

    Raises:
        StateElsewhere: there is no lock, and this checkout keeps the state in another place.
        StateLost: there is no lock, and the checkout has a local state.
    """
    lock = await d.backend.find_lock(stack)
    if lock is None:
        await require_here(d, stack)
    return lock


async def require_unlocked(d: Deployment, stack: Stack) -> None:
    """Make sure that nobody holds the lock of a state.

    Raises:
        StateLocked: the state is locked; the error names the owner.
    """
    if lock := await d.backend.find_lock(stack):
        raise d.backend.state_locked(stack, lock)


async def pull_state(d: Deployment, stack: Stack) -> State:
    """Return the state; first make the folder ready for the deployment's backend, if it is not."""
    return state.read((await _ask(d, stack, stack.state())).stdout)


async def read_outputs(d: Deployment, stack: Stack) -> dict[str, Any]:
    """Return a stack's outputs by name, and make its folder ready only if necessary.

    Raises:
        StateElsewhere: the folder was last used with states in another place.
        StateLost: the folder has a local state, so there would be two states.
        PipelineError: the tool failed.
    """
    await require_here(d, stack)
    return inventory.outputs((await _ask(d, stack, stack.output())).stdout)


async def _ask(d: Deployment, stack: Stack, question: Step) -> Result:
    """Ask the tool about the state. `init` comes first where the folder is not ready, or the tool refuses.

    In each command the tool itself compares the backend and the provider with the notes of `init`.
    """
    answer = await d.run(question) if await _is_prepared(d, stack) else None
    if answer is None or answer.exit_code:
        await _prepare_folder(d, stack)
        answer = await d.run(question)
    return answer.check()


async def _is_prepared(d: Deployment, stack: Stack) -> bool:
    """Tell whether `init` was last run for this very place, and for the provider that the code asks for."""
    if await d.runner.read(stack.workdir / OVERRIDE) != override_text(d.backend, stack.name):
        return False
    recorded = await _record(d, stack)
    expected = {"type": d.backend.kind, **(d.backend.block(stack.name) or {})}
    same = all(recorded.get(name) == value for name, value in expected.items())
    return same and await _has_provider(d, stack)


async def _has_provider(d: Deployment, stack: Stack) -> bool:
    """Tell whether the tool's lock has each provider, of the version that the code asks for."""
    wanted = set(WANTED.findall(await d.runner.read(stack.workdir / CODE) or ""))
    locked = set(LOCKED.findall(await d.runner.read(stack.workdir / LOCK) or ""))
    return bool(wanted) and wanted <= locked


async def _prepare_folder(d: Deployment, stack: Stack) -> None:
    text = override_text(d.backend, stack.name)
    options = await _leave_lock(d, stack)
    if text is None:
        await _forget(d, stack)
    else:
        await d.runner.write(stack.workdir / OVERRIDE, text, 0o600)
        options = ("-reconfigure", *options)
    (await d.run(stack.init(*options))).check()


async def _leave_lock(d: Deployment, stack: Stack) -> tuple[str, ...]:
    """Return the option of `init` that leaves a lock file with another version of the provider."""
    locked = await d.runner.read(stack.workdir / LOCK)
    return () if locked is None or await _has_provider(d, stack) else ("-upgrade",)


async def _forget(d: Deployment, stack: Stack) -> None:
    """Make a folder use local states: `init -reconfigure` alone does not change the tools' record."""
    if await d.runner.read(stack.workdir / OVERRIDE) is not None:
        await d.runner.remove(stack.workdir / OVERRIDE)
    if await _recorded_kind(d, stack) != Local.kind:
        await d.runner.remove(stack.workdir / RECORD)


async def _recorded_kind(d: Deployment, stack: Stack) -> str:
    """Return the kind of backend that a folder was last made ready for."""
    return str((await _record(d, stack))["type"])


async def _record(d: Deployment, stack: Stack) -> dict[str, Any]:
    """Return the backend that a folder was last made ready for: its kind as "type", and its arguments."""
    text = await d.runner.read(stack.workdir / RECORD)
    try:
        backend = json.loads(text or "{}")["backend"]
        return {**(backend.get("config") or {}), "type": backend["type"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"type": Local.kind}


async def _require_same_place(d: Deployment, stack: Stack) -> None:
    before = await _recorded_kind(d, stack)
    if before in (Local.kind, d.backend.kind):
        return
    name = NAMES.get(before, before)
    what = f"{stack.name}: this checkout keeps its state in {name}, not in {d.backend.name}"
    fix = (
        f"give --state {name} (or QUICKDATA_STATE), or move the state: `quickdata migrate-state --from {name}"
        f" --to {d.backend.name}`; if another checkout has moved it, remove {stack.workdir}/.terraform"
    )
    raise StateElsewhere(what, fix)


async def _require_no_local(d: Deployment, stack: Stack) -> None:
    path = stack.workdir / FILE
    if not _holds_something(await d.runner.read(path) or ""):
        return
    name = d.backend.name
    what = f"{stack.name}: the states are kept in {name}, but this checkout also has a local state: {path}"
    fix = (
        f"move it: `quickdata migrate-state --from local --to {name}`; if it belongs to another deployment, "
        "or another checkout has moved it already, move the file out of the checkout"
    )
    raise StateLost(what, fix)


def _holds_something(text: str) -> bool:
    """Tell whether a state file has resources or outputs, or is encrypted."""
    try:
        document = json.loads(text or "{}")
        return any(document.get(key) for key in ("resources", "outputs", "encrypted_data"))
    except (ValueError, AttributeError):
        return True
