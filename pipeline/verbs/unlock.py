"""The verb `unlock`."""

from typing import Annotated, Literal

from typing_extensions import Doc

from pipeline.states.ready import find_lock
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import OF_STACK, Yes

StackName = Annotated[Literal["storage", "app"], Doc("The stack whose state is locked."), OF_STACK]


async def unlock(call: DeploymentCall, stack: StackName, yes: Yes = False) -> None:
    """Remove a state lock that a dead run left behind; show first who took it, and when.

    A local lock ends with its process, and cannot be removed.

    Example: quickdata unlock storage --state s3
    """
    only = "Do it only if that run is dead: two runs at the same time can lose a state."
    async with call.deployment() as d:
        locked = d.stack(stack)
        lock = await find_lock(d, locked)
        if lock:
            shown = f"{stack} of {d.suffix} in {d.cloud.region}: locked {lock}"
            await call.confirm(f"Remove this lock? {only}", yes, shown)
            await d.backend.release(locked, lock)
        d.report.prove(stack, f"the lock {lock.id} is removed" if lock else "nobody holds a lock")
