"""The verb `unlock`."""

from pipeline.states.ready import find_lock
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import StackName, Yes


async def unlock(call: DeploymentCall, stack: StackName, yes: Yes = False) -> None:
    """Break a lock that a dead run left behind, after showing who took it and when.

    A local lock goes with the process that holds it, and cannot be broken.

    Example: quickdata unlock storage --state s3
    """
    question = "Break this lock? Only if that run is dead: two runs at once can lose a state."
    async with call.deployment() as d:
        locked = d.stack(stack)
        lock = await find_lock(d, locked)
        if lock:
            await call.confirm(question, yes, f"{stack}: locked {lock}")
            await d.backend.release(locked, lock)
        d.report.prove(stack, f"the lock {lock.id} is gone" if lock else "nobody holds a lock")
