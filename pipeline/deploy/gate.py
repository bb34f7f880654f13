"""The gate: it reads a saved plan, and refuses what must not happen."""

from dataclasses import dataclass

from pipeline.errors import PlanRefused
from pipeline.tofu.plan import DEFERRED, GOES, Plan

HARMLESS = frozenset({"create", "read", "update", "import", "move"})
"""What the gate of storage lets pass: nothing that exists is removed or lost from the state."""


@dataclass(frozen=True)
class GatedPlan:
    """A saved plan that a gate has let pass: nothing else is ever applied.

    Args:
        plan: the plan, as the gate read it.
    """

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
    return GatedPlan(plan)
