"""Bring back a lost state: import the resources that exist in AWS, then prove that a plan changes nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from anyio import CancelScope

from pipeline.deploy import lost_state, planning
from pipeline.deploy.gate import KEY_PAIR, GatedPlan, gate_adoption
from pipeline.deployment import Deployment
from pipeline.errors import PlanRefused, StateLost
from pipeline.states.ready import prepare_stack
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import Stack

IMPORTS = "adopt_imports.tf"
"""An ordinary file: OpenTofu and Terraform do not accept import blocks in an override file."""


@dataclass(frozen=True)
class Adoption:
    """The resources that would be imported into a state.

    Args:
        gated: the saved plan with the imports; nothing is pending if the state already has every resource.
        imports: identifiers by address.
        missing: addresses of resources that exist neither in the state nor in AWS.
    """

    gated: GatedPlan
    imports: Mapping[str, str]
    missing: tuple[str, ...] = ()

    def page(self) -> str:
        """Return a text for the operator, with one line for each change."""
        lines = [f"← {address} = {identifier}" for address, identifier in self.imports.items()]
        lines += [
            f"~ {c}: {', '.join(c.altered) or 'tags'}"
            for c in self.gated.plan.changes
            if c.action == "update"
        ]
        lines += [
            f"+ {c.address}: created, because an imported resource needs it"
            for c in self.gated.plan.changes
            if c.action == "create"
        ]
        lines += [f"± {KEY_PAIR}: created again" for c in self.gated.plan.changes if c.action == "replace"]
        return "\n".join(lines + [f"- {address}: missing; deploy creates it" for address in self.missing])


@dataclass(frozen=True)
class Adopted:
    """The result of an adoption.

    Args:
        imported: how many resources were imported.
        missing: addresses of resources that the next deployment creates.
    """

    imported: int
    missing: tuple[str, ...]


async def look(d: Deployment, stack: Stack) -> Adoption:
    """Find resources that exist in AWS but not in the stack's state, and plan their import. Change nothing.

    Args:
        d: the deployment.
        stack: the stack whose state was lost, completely or in part.

    Raises:
        PlanRefused: the import would change more than tags, or two resources match one address.
        StateLost: stack is the app, and storage's state is lost too.
        PipelineError: a step failed, or AWS refuses.
    """
    await _require_storage(d, stack)
    await prepare_stack(d, stack)
    try:
        return await _look(d, stack)
    finally:
        await planning.forget(d)


async def adopt(d: Deployment, stack: Stack, agreed: Adoption | None = None) -> Adopted:
    """Import the existing resources, then prove that a new plan does not change them.

    Args:
        d: the deployment.
        stack: the stack whose state was lost, completely or in part.
        agreed: the adoption that the operator agreed to; a different one is refused.

    Raises:
        PlanRefused: the import would change more than tags, or differs from what was agreed.
        StateLost: a new plan would still change the imported resources.
        PipelineError: a step failed.
    """
    await prepare_stack(d, stack)
    try:
        adoption = await _look(d, stack)
        if agreed and adoption.page() != agreed.page():
            fix = d.advice(f"run `quickdata adopt {stack.name}` again")
            raise PlanRefused(f"{stack.name}: the resources have changed since they were shown", fix)
        await planning.apply(d, adoption.gated)
        return Adopted(len(adoption.imports), await _prove(d, stack, adoption))
    finally:
        await planning.forget(d)


async def _require_storage(d: Deployment, stack: Stack) -> None:
    """Refuse to adopt the app before storage: the app reads the bucket's name from storage's state."""
    if stack.name != d.app.name or (await prepare_stack(d, d.storage)).bucket:
        return
    if await d.cloud.owns(d.bucket):
        fix = d.advice("first run `quickdata adopt storage`, then `quickdata adopt app`")
        what = "app: storage's state is lost too, and the app needs it; nothing was changed"
        raise StateLost(what, fix)
    fix = d.advice("`quickdata deploy` creates the bucket; if nodes exist already, it refuses and names them")
    raise StateLost(f"app: the app needs storage, but there is no bucket {d.bucket}", fix)


async def _look(d: Deployment, stack: Stack) -> Adoption:
    lacking = (await planning.make_plan(d, stack)).created
    existing = await lost_state.find_existing(d, stack)
    imports = {address: existing[address] for address in lacking if address in existing}
    _require_single(stack, imports)
    alone = () if len(imports) == len(lacking) else tuple(imports)
    plan = await _plan_imports(d, stack, imports, alone) if imports else Plan(pending=False)
    return Adoption(
        gate_adoption(stack.name, plan),
        imports,
        tuple(a for a in lacking if a not in (*imports, *plan.created)),
    )


async def _prove(d: Deployment, stack: Stack, adoption: Adoption) -> tuple[str, ...]:
    """Plan again: the plan may only create the missing resources."""
    plan = await planning.make_plan(d, stack)
    others = [str(c) for c in plan.changes if c.action != "create" or c.address not in adoption.missing]
    whole = not adoption.missing and not adoption.gated.plan.created
    others += [f"output {name}" for name in plan.outputs if whole]
    if others:
        what = f"{stack.name}: imported, but a new plan would still change {', '.join(others)}"
        fix = "the imported resources stay in the state; `quickdata plan` shows these changes"
        raise StateLost(what, d.advice(fix))
    return plan.created


def _require_single(stack: Stack, imports: Mapping[str, str]) -> None:
    twice = [f"{address}: {several}" for address, several in imports.items() if " and " in several]
    if twice:
        what = f"{stack.name}: several resources have the same tags: {'; '.join(twice)}"
        fix = (
            "nothing was changed; remove the wrong resources by hand, or change their tags; then adopt again"
        )
        raise PlanRefused(what, fix)


async def _plan_imports(
    d: Deployment, stack: Stack, imports: Mapping[str, str], alone: tuple[str, ...]
) -> Plan:
    """Plan the imports. The file with the import blocks is always removed afterwards.

    If resources are missing, the plan is limited to the imports; deploy then sets the outputs.
    """
    file = stack.workdir / IMPORTS
    try:
        await d.runner.write(file, _blocks(imports))
        return await planning.make_plan(d, stack, *alone)
    finally:
        with CancelScope(shield=True):
            await d.runner.remove(file)


def _blocks(imports: Mapping[str, str]) -> str:
    return "\n".join(
        f"import {{\n  to = {address}\n  id = {json.dumps(identifier)}\n}}"
        for address, identifier in imports.items()
    )
