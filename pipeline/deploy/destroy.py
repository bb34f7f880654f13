"""The end of the app, after a verified backup. Storage has no end here."""

from pipeline.backups import nocodb
from pipeline.backups.node import verify
from pipeline.deploy import planning
from pipeline.deploy.gate import GatedPlan, gate_app
from pipeline.deploy.stopped_nodes import require_running
from pipeline.deployment import Deployment
from pipeline.states.ready import prepare_stack, require_unlocked
from pipeline.tofu.plan import Plan


async def destroy(d: Deployment, backed_up: bool = True) -> dict[str, int]:
    """Destroy the app, after a verified backup; storage is never destroyed.

    Args:
        d: the deployment.
        backed_up: whether to take and verify a backup first.

    Returns:
        The counts of the applied plan.

    Raises:
        PipelineError: the backup or its verification failed, and the app still exists; or a step failed.
    """
    await require_unlocked(d, d.app)
    await prepare_stack(d, d.app)
    try:
        if backed_up:
            await require_running(d, Plan())
            async with nocodb.stopped(d):
                await verify(d)
                doomed = await _plan_removal(d)
        else:
            doomed = await _plan_removal(d)
        await planning.apply(d, doomed)
    finally:
        await planning.forget(d)
    return doomed.plan.counts()


async def _plan_removal(d: Deployment) -> GatedPlan:
    return gate_app(await planning.make_plan(d, d.app, destroy=True))
