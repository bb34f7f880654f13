"""The gate: it reads a saved plan, and refuses changes that must not happen."""

from dataclasses import dataclass

from pipeline.aws.account import BUCKET
from pipeline.errors import PlanRefused
from pipeline.tofu.plan import DATABASE_RESOURCES, DEFERRED, GOES, Change, Plan

HARMLESS = frozenset({"create", "read", "update", "import", "move"})
"""The actions that the gate of storage allows: none removes a resource, from AWS or from the state."""

KEY_PAIR = "aws_key_pair.admin"
"""EC2 does not show the public key of a key pair, so it is created again. Nodes keep the key they have."""

OWN = frozenset({"force_destroy", "stop_instance_before_detaching", "user_data_replace_on_change"})
"""Arguments that the provider keeps only in the state: AWS has no such attributes."""


DISKS = {"aws_ebs_volume.postgres": "postgres", "aws_instance.node": "node"}
"""The names that TF_VAR_disk_gib has for the disks."""


@dataclass(frozen=True)
class GatedPlan:
    """A saved plan that a gate has allowed: nothing else is ever applied.

    Args:
        stack: the name of the plan's stack.
        plan: the plan that the gate has read.
    """

    stack: str
    plan: Plan


def gate_storage(plan: Plan) -> GatedPlan:
    """Refuse every change that could lose a backup: a delete, replace, forget or unknown action.

    Raises:
        PlanRefused: the plan has such changes; the error names them all.
    """
    return _let_pass("storage", plan, HARMLESS)


def gate_app(plan: Plan) -> GatedPlan:
    """Refuse a smaller disk, and actions that this version does not know. All other changes are allowed.

    Raises:
        PlanRefused: the plan has such changes; the error names them all.
    """
    _require_no_smaller_disk(plan)
    return _let_pass("app", plan, HARMLESS | GOES)


def _require_no_smaller_disk(plan: Plan) -> None:
    """Refuse a disk that gets smaller: AWS would refuse it in the middle of the apply.

    Amazon EBS User Guide, "Modify an Amazon EBS volume using Elastic Volumes operations", "Limitations".
    """
    smaller = [change for change in plan.changes if change.shrunk]
    if not smaller:
        return
    told = ", ".join(f"{c.address} from {c.shrunk[0]} to {c.shrunk[1]} GiB" for c in smaller)
    sizes = dict(sorted((DISKS[c.address.partition("[")[0]], c.shrunk[0]) for c in smaller))
    needed = ", ".join(f"{name} = {gib}" for name, gib in sizes.items())
    raise PlanRefused(
        f"app: plan refused by the gate: AWS makes no disk smaller: {told}",
        f"the app was not changed; set TF_VAR_disk_gib again, with {needed}, then type the command again",
    )


def _let_pass(stack: str, plan: Plan, allowed: frozenset[str]) -> GatedPlan:
    changes = [c for c in plan.changes if c.action.removeprefix(DEFERRED) not in allowed]
    if changes:
        what = f"{stack}: plan refused by the gate: {', '.join(map(str, changes))}"
        fix = "nothing was changed; change the code so that these resources are kept, then plan again"
        raise PlanRefused(what, fix)
    return GatedPlan(stack, plan)


def gate_adoption(stack: str, plan: Plan) -> GatedPlan:
    """Refuse imports with changes other than of tags, and of arguments that only the state keeps.

    A missing resource may be created only if an imported resource needs it, and never if it holds data.

    Args:
        stack: the name of the plan's stack.
        plan: the plan with the imports.

    Raises:
        PlanRefused: the plan has other changes; the error names them all.
    """
    refused = [c for c in plan.changes if not _comes_with_an_import(c)]
    if refused:
        refusals = [f"{c} ({', '.join(c.altered)})" if c.altered else str(c) for c in refused]
        what = f"{stack}: adoption refused by the gate: {', '.join(refusals)}"
        fix = "nothing was changed; use the inputs (TF_VAR_…) and the code of the last deployment, then adopt"
        raise PlanRefused(what, fix)
    return GatedPlan(stack, plan)


def _comes_with_an_import(change: Change) -> bool:
    if change.action == "update":
        return OWN.issuperset(change.altered)
    if change.action == "create":
        return not change.at((*DATABASE_RESOURCES, BUCKET))
    return change.action == "import" or (change.action == "replace" and change.address == KEY_PAIR)
