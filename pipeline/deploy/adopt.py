"""A lost state brought back: what exists in AWS is imported, and a plan without changes proves it."""

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
"""OpenTofu and Terraform take no import blocks in an override file."""


@dataclass(frozen=True)
class Adoption:
    """What would be brought back into a state.

    Args:
        gated: the saved plan that does it; nothing is pending when the state lacks nothing that exists.
        imports: identifiers by address.
        missing: addresses of what exists neither in the state nor in AWS.
    """

    gated: GatedPlan
    imports: Mapping[str, str]
    missing: tuple[str, ...] = ()

    def page(self) -> str:
        """Return in words what would be done."""
        lines = [f"← {address} = {identifier}" for address, identifier in self.imports.items()]
        lines += [
            f"~ {c}: {', '.join(c.altered) or 'tags'}"
            for c in self.gated.plan.changes
            if c.action == "update"
        ]
        lines += [
            f"+ {c.address}: what is imported needs it"
            for c in self.gated.plan.changes
            if c.action == "create"
        ]
        lines += [f"± {KEY_PAIR}: created again" for c in self.gated.plan.changes if c.action == "replace"]
        return "\n".join(lines + [f"- {address}: missing, deploy creates it" for address in self.missing])


@dataclass(frozen=True)
class Adopted:
    """What was brought back.

    Args:
        imported: how many resources.
        missing: addresses of what the next deployment creates.
    """

    imported: int
    missing: tuple[str, ...]


async def look(d: Deployment, stack: Stack) -> Adoption:
    """Find what the stack's state lacks and AWS has, and plan its import; nothing is changed.

    Args:
        d: the deployment.
        stack: the one whose state was lost, wholly or in part.

    Raises:
        PlanRefused: the import would change more than tags; or something exists twice.
        StateLost: the app's, while storage's is lost too.
        PipelineError: a step failed, or AWS refuses.
    """
    await _require_storage(d, stack)
    await prepare_stack(d, stack)
    try:
        return await _look(d, stack)
    finally:
        await planning.forget(d)


async def adopt(d: Deployment, stack: Stack, agreed: Adoption | None = None) -> Adopted:
    """Import what exists, then prove by a plan that nothing of it would be changed.

    Args:
        d: the deployment.
        stack: the one whose state was lost, wholly or in part.
        agreed: what the operator was shown; nothing else is done.

    Raises:
        PlanRefused: the import would change more than tags, or something else than what was agreed.
        StateLost: the state still differs from what exists.
        PipelineError: a step failed.
    """
    await prepare_stack(d, stack)
    try:
        adoption = await _look(d, stack)
        if agreed and adoption.page() != agreed.page():
            fix = d.advice(f"run `quickdata adopt {stack.name}` again")
            raise PlanRefused(f"{stack.name}: what exists has changed meanwhile", fix)
        await planning.apply(d, adoption.gated)
        return Adopted(len(adoption.imports), await _prove(d, stack, adoption))
    finally:
        await planning.forget(d)


async def _require_storage(d: Deployment, stack: Stack) -> None:
    """Refuse to look for the app before storage's state is back: it reads the bucket's name from there."""
    if stack.name != d.app.name or (await prepare_stack(d, d.storage)).bucket:
        return
    if await d.cloud.owns(d.bucket):
        fix = d.advice("first run `quickdata adopt storage`, then `quickdata adopt app`")
        raise StateLost("app: storage's state is lost too, and the app reads it; nothing was changed", fix)
    fix = d.advice("`quickdata deploy` creates it; if nodes exist already, it refuses and names them")
    raise StateLost(f"app: it reads storage's state, and there is no bucket {d.bucket}", fix)


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
    """Plan again: nothing but what is missing may be left to do."""
    plan = await planning.make_plan(d, stack)
    others = [str(c) for c in plan.changes if c.action != "create" or c.address not in adoption.missing]
    whole = not adoption.missing and not adoption.gated.plan.created
    others += [f"output {name}" for name in plan.outputs if whole]
    if others:
        what = f"{stack.name}: imported, but a plan would still change {', '.join(others)}"
        raise StateLost(what, d.advice("see `quickdata plan`; what was imported stays in the state"))
    return plan.created


def _require_single(stack: Stack, imports: Mapping[str, str]) -> None:
    twice = [f"{address}: {several}" for address, several in imports.items() if " and " in several]
    if twice:
        what = f"{stack.name}: several resources have the tags of one: {'; '.join(twice)}"
        raise PlanRefused(
            what, "nothing was changed; remove or retag all but the right one by hand, then adopt"
        )


async def _plan_imports(
    d: Deployment, stack: Stack, imports: Mapping[str, str], alone: tuple[str, ...]
) -> Plan:
    """Plan the imports; the file with their blocks is gone afterwards, whatever happens.

    Where something is missing, the plan is limited to what is not; the outputs then wait for deploy.
    """
    file = stack.workdir / IMPORTS
    try:
        await d.runner.write(file, _blocks(imports))
        return await planning.make_plan(d, stack, *alone, attributes=True)
    finally:
        with CancelScope(shield=True):
            await d.runner.remove(file)


def _blocks(imports: Mapping[str, str]) -> str:
    return "\n".join(
        f"import {{\n  to = {address}\n  id = {json.dumps(identifier)}\n}}"
        for address, identifier in imports.items()
    )
