"""What protects a backup is there before the first one is written. The bucket's lifecycle is not part of it.

The provider waits 57 s for a lifecycle, on AWS too. So it follows, beside the app and the nodes.
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
"""It removes what nothing points at any more. No backup depends on it."""
PROTECTION = (BUCKET, *(f"{kind}.backups" for kind in IN_BUCKET if kind != LIFECYCLE))
"""All other resources of infrastructure/terraS3."""


async def complete(d: Deployment, known: State) -> Plan:
    """Apply all that protects a backup, where the state lacks some of it.

    It lacks all of it before a first deployment, and a part of it after a run that died.

    Args:
        d: the deployment.
        known: storage's state.

    Returns:
        The plan that was applied.

    Raises:
        PlanRefused: the gate refused it.
        StateLost: the bucket is there already.
        PipelineError: a step failed.
    """
    if known.whole.issuperset(PROTECTION):
        return Plan(pending=False)
    plan = await planning.make_plan(d, d.storage, *PROTECTION)
    gated = gate_storage(plan)
    await require_not_lost(d, storage=plan)
    await planning.apply(d, gated)
    return plan


def is_changed_by(plan: Plan) -> bool:
    """Tell whether a plan of storage has yet to change something of what protects a backup."""
    return plan.pending and any(change.at(PROTECTION) for change in plan.changes)
