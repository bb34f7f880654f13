"""Plan and apply a stack: only a plan that was saved and read is ever applied."""

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

    An update of a node or of the database's disk is read from the saved file: its type or size counts.

    Args:
        d: the deployment.
        stack: the stack to plan.
        targets: addresses to which the plan is limited.
        destroy: plan the removal instead.
        file: where to save the plan, absolute or in the stack's folder; None uses the run's own file name.
        attributes: read the saved file too, for costs and altered attributes; the provider starts again.

    Raises:
        PipelineError: the tool failed, or the saved plan cannot be read.
    """
    file = file or d.plan_file
    planned = (await d.run(stack.plan(file, *targets, destroy=destroy))).check(tofu.CHANGES)
    if planned.exit_code == 0:
        return Plan(pending=False, file=file)
    told = None if attributes else plan_stream.read(planned.stdout)
    if told and told.touching({"update"}, NODES):
        told = None
    saved = replace(told, file=file) if told else await read_plan(d, stack, file)
    d.report.record_plan(planned.step.name, saved.counts(), saved.changes)
    return saved


async def read_plan(d: Deployment, stack: Stack, file: str) -> Plan:
    """Read a saved plan.

    Raises:
        PipelineError: the plan cannot be read.
    """
    return replace(plan.read((await d.run(stack.show(file))).check().stdout), file=file)


async def apply(d: Deployment, gated: GatedPlan) -> None:
    """Apply a saved plan that the gate has allowed, if it has changes.

    Raises:
        PipelineError: the tool failed; the changes so far are in the state.
    """
    if gated.plan.pending:
        (await d.run(d.stack(gated.stack).apply(gated.plan.file))).check()


async def forget(d: Deployment) -> None:
    """Remove the plans of this run: a plan contains the same secrets as the state."""
    with CancelScope(shield=True):
        for stack in (d.storage, d.app):
            await d.runner.remove(stack.workdir / d.plan_file)


def half_made(name: str, known: State) -> list[str]:
    """Return the resources that an interrupted run half created ("tainted") and that must not be replaced.

    In storage, the gate would refuse to replace them. In the app, a node would be removed without a question,
    and a backup would be taken of a database that never existed.
    """
    if name == "storage":
        return list(known.tainted)
    return [each for each in known.tainted if any(plan.within(each, place) for place in NODES)]


async def let_stand(d: Deployment, known: dict[str, State]) -> None:
    """Keep half-created resources of an interrupted run ("untaint"): they are updated, not replaced."""
    for stack in (d.storage, d.app):
        for address in half_made(stack.name, known[stack.name]):
            (await d.run(stack.untaint(address))).check()
