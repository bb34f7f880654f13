"""The gate: it reads a saved plan, and refuses what must not happen."""

from dataclasses import dataclass

from pipeline.aws.account import BUCKET
from pipeline.errors import PlanRefused
from pipeline.tofu.plan import DATABASE_RESOURCES, DEFERRED, GOES, Change, Plan

HARMLESS = frozenset({"create", "read", "update", "import", "move"})
"""What the gate of storage lets pass: nothing that exists is removed or lost from the state."""

KEY_PAIR = "aws_key_pair.admin"
"""EC2 does not tell a key pair's public half, so it is created again; nodes keep the key that they have."""

OWN = frozenset({"force_destroy", "stop_instance_before_detaching", "user_data_replace_on_change"})
"""Arguments that the provider keeps in the state alone: AWS has no such attribute."""


@dataclass(frozen=True)
class GatedPlan:
    """A saved plan that a gate has let pass: nothing else is ever applied.

    Args:
        stack: the name of the stack that it is of.
        plan: the plan, as the gate read it.
    """

    stack: str
    plan: Plan


def gate_storage(plan: Plan) -> GatedPlan:
    """Refuse whatever could lose a backup: any delete, replace, forget or unknown action.

    Raises:
        PlanRefused: with every change that is refused.
    """
    return _let_pass("storage", plan, HARMLESS)


def gate_app(plan: Plan) -> GatedPlan:
    """Refuse actions that this version does not know; the app may otherwise be changed.

    Raises:
        PlanRefused: with every change that is refused.
    """
    return _let_pass("app", plan, HARMLESS | GOES)


def _let_pass(stack: str, plan: Plan, allowed: frozenset[str]) -> GatedPlan:
    changes = [c for c in plan.changes if c.action.removeprefix(DEFERRED) not in allowed]
    if changes:
        what = f"{stack}: plan refused by the gate: {', '.join(map(str, changes))}"
        raise PlanRefused(what, "nothing was changed; change the code so that this is kept, and plan again")
    return GatedPlan(stack, plan)


def gate_adoption(stack: str, plan: Plan) -> GatedPlan:
    """Refuse to import with any change but of tags, and of what the state alone keeps.

    What is missing may be created only where what is imported needs it, and never where it holds data.

    Args:
        stack: its name.
        plan: imports what was found.

    Raises:
        PlanRefused: with every change that is refused.
    """
    refused = [c for c in plan.changes if not _comes_with_an_import(c)]
    if refused:
        refusals = [f"{c} ({', '.join(c.altered)})" if c.altered else str(c) for c in refused]
        what = f"{stack}: adoption refused by the gate: {', '.join(refusals)}"
        fix = "nothing was changed; make the inputs (TF_VAR_…) and the code as they were when it was deployed"
        raise PlanRefused(what, fix)
    return GatedPlan(stack, plan)


def _comes_with_an_import(change: Change) -> bool:
    if change.action == "update":
        return OWN.issuperset(change.altered)
    if change.action == "create":
        return not change.at((*DATABASE_RESOURCES, BUCKET))
    return change.action == "import" or (change.action == "replace" and change.address == KEY_PAIR)
