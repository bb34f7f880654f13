"""The protection of the backups: all of storage except the bucket's lifecycle. It comes before any backup.

The provider waits 57 s for a lifecycle, on AWS too. So the lifecycle follows, beside the app and the nodes.
"""

from pipeline.aws.account import BUCKET
from pipeline.aws.existing import IN_BUCKET
from pipeline.deploy import planning
from pipeline.deploy.gate import gate_storage
from pipeline.deploy.lost_state import require_not_lost
from pipeline.deployment import Deployment
from pipeline.tofu.plan import Plan
from pipeline.tofu.state import State

LIFECYCLE = "aws_s3_bucket_lifecycle_configuration"
"""A lifecycle removes old versions and unfinished uploads. No backup depends on it."""
PROTECTION = (BUCKET, *(f"{kind}.backups" for kind in IN_BUCKET if kind != LIFECYCLE))
"""All other resources of infrastructure/terraS3."""


async def begin(d: Deployment, known: State) -> Plan:
    """Apply the whole protection where the state has no bucket yet: the app's plan reads the bucket's name.

    A part that is missing later is in storage's plan, which is applied before any backup (`is_changed_by`).

    Args:
        d: the deployment.
        known: storage's state.

    Returns:
        The applied plan.

    Raises:
        PlanRefused: the gate refused the plan.
        StateLost: the bucket exists already.
        PipelineError: a step failed.
    """
    if BUCKET in known.whole:
        return Plan(pending=False)
    plan = await planning.make_plan(d, d.storage, *PROTECTION)
    gated = gate_storage(plan)
    await require_not_lost(d, storage=plan)
    await planning.apply(d, gated)
    return plan


def is_changed_by(plan: Plan) -> bool:
    """Tell whether a plan of storage would change the protection."""
    return plan.pending and any(change.at(PROTECTION) for change in plan.changes)
