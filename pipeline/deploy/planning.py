"""A stack planned and applied: only what was saved and read is ever applied."""

from dataclasses import replace

from anyio import CancelScope

from pipeline.deploy.gate import GatedPlan
from pipeline.deployment import Deployment
from pipeline.tofu import plan, plan_stream
from pipeline.tofu import stack as tofu
from pipeline.tofu.plan import NODES, Plan
from pipeline.tofu.stack import Stack
from pipeline.tofu.state import State


async def make_plan(
    d: Deployment,
    stack: Stack,
    *targets: str,
    destroy: bool = False,
    file: str | None = None,
    attributes: bool = False,
) -> Plan:
    """Save a plan and read it: from what the run itself tells, which is each resource and its action.

    Args:
        d: the deployment.
        stack: what is planned.
        targets: addresses to which the plan is limited.
        destroy: plan the removal instead.
        file: where it is saved, absolute or in the stack's folder; the run's own name without it.
        attributes: read the saved file too, for costs and altered attributes; the provider starts again.

    Raises:
        PipelineError: the tool failed, or what it saved cannot be read.
    """
    file = file or d.plan_file
    planned = (await d.run(stack.plan(file, *targets, destroy=destroy))).check(tofu.CHANGES)
    if planned.exit_code == 0:
        return Plan(pending=False, file=file)
    told = None if attributes else plan_stream.read(planned.stdout)
    saved = replace(told, file=file) if told else await read_plan(d, stack, file)
    d.report.record_plan(planned.step.name, saved.counts(), saved.changes)
    return saved


async def read_plan(d: Deployment, stack: Stack, file: str) -> Plan:
    """Read a saved plan.

    Raises:
        PipelineError: it cannot be read.
    """
    return replace(plan.read((await d.run(stack.show(file))).check().stdout), file=file)


async def apply(d: Deployment, gated: GatedPlan) -> None:
    """Apply a saved plan that the gate of its stack has let pass, if it has anything to apply.

    Raises:
        PipelineError: the tool failed; what it did so far is in the state.
    """
    if gated.plan.pending:
        (await d.run(d.stack(gated.stack).apply(gated.plan.file))).check()


async def forget(d: Deployment) -> None:
    """Remove this run's own plans: they hold what the state holds."""
    with CancelScope(shield=True):
        for stack in (d.storage, d.app):
            await d.runner.remove(stack.workdir / d.plan_file)


def half_made(name: str, known: State) -> list[str]:
    """Return what an interrupted run left half made ("tainted") and must not be replaced.

    In storage the gate would refuse that. No node ends that nobody was asked about, and before the database's
    node or disk is replaced, a backup would be asked of a database that was never there.
    """
    if name == "storage":
        return list(known.tainted)
    return [each for each in known.tainted if any(plan.within(each, place) for place in NODES)]


async def let_stand(d: Deployment, known: dict[str, State]) -> None:
    """Let stand what an interrupted run left half made: it is updated, not replaced."""
    for stack in (d.storage, d.app):
        for address in half_made(stack.name, known[stack.name]):
            (await d.run(stack.untaint(address))).check()
