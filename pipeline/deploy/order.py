"""The order of a deployment: storage, app, inventory, playbooks, verification."""

from dataclasses import dataclass, field, replace
from typing import Any

from anyio import create_task_group

from pipeline.ansible import inventory
from pipeline.ansible.playbooks import INVENTORY, count_changed
from pipeline.backups import nocodb
from pipeline.backups.node import verify
from pipeline.deploy import planning, protection, upgrade
from pipeline.deploy.agreement import Agree, note_agreement, refuse
from pipeline.deploy.banner import banner
from pipeline.deploy.check import check, require_good
from pipeline.deploy.gate import GatedPlan, gate_app, gate_storage
from pipeline.deploy.lost_state import require_known, require_not_lost
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deploy.stopped_nodes import require_running
from pipeline.deploy.upgrade import Upgrade
from pipeline.deployment import Deployment
from pipeline.states.ready import prepare_stack, read_outputs, require_unlocked
from pipeline.tofu.plan import DATABASE_RESOURCES, GOES, Plan
from pipeline.tofu.stack import Stack
from pipeline.tofu.state import State


@dataclass
class Deployed:
    """What a deployment changed and what it came to.

    Args:
        first: counts of the plan that created the bucket with its protection, before the others.
        plans: counts by stack, of the plans that were applied beside each other.
        changed: tasks that changed something, by playbook.
        outputs: the app's outputs.
        proof: the verification's figures.
        saved: whether a backup was verified before the app was applied.
    """

    first: dict[str, int] = field(default_factory=dict)
    plans: dict[str, dict[str, int]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    proof: dict[str, Any] = field(default_factory=dict)
    saved: bool = False

    @property
    def nothing_changed(self) -> bool:
        """Tell whether the deployment found everything as it should be."""
        planned = (self.first, *self.plans.values())
        return not any(sum(c.values()) for c in planned) and not any(self.changed.values())


async def deploy(d: Deployment, saved: SavedPlans | None = None, agree: Agree = refuse) -> Deployed:
    """Deploy everything in order, then prove that a backup comes back.

    Args:
        d: the deployment.
        saved: plans of `quickdata plan`, which are applied as they are; what they defer is planned here.
        agree: is asked before a node ends by a plan that nobody has seen: one that is made here.

    Returns:
        What was changed, and the proof.

    Raises:
        PipelineError: a step failed, a gate refused, or the verification did.
    """
    require_good(await check(d))
    await d.backend.create()
    known = await prepare_stacks(d)
    plans = await saved.plans(d, known) if saved else {}
    await planning.let_stand(d, known)
    deployed = Deployed(outputs=known["app"].outputs)
    try:
        deployed.first = await _apply_what_comes_first(d, known["storage"], plans)
        await _apply_both_stacks(d, plans, deployed, agree)
    finally:
        await planning.forget(d)
    return deployed


async def prepare_stacks(d: Deployment) -> dict[str, State]:
    """Make both folders ready.

    Returns:
        The states by stack.
    """
    states: dict[str, State] = {}
    async with create_task_group() as group:
        for stack in (d.storage, d.app):
            group.start_soon(_prepare_into, d, stack, states)
    return states


async def _prepare_into(d: Deployment, stack: Stack, states: dict[str, State]) -> None:
    await require_unlocked(d, stack)
    states[stack.name] = await prepare_stack(d, stack)


async def destroy(d: Deployment, backed_up: bool = True) -> dict[str, int]:
    """Destroy the app, after a backup that was verified; storage is never destroyed.

    Args:
        d: the deployment.
        backed_up: whether a backup is taken and verified first.

    Returns:
        The counts of the plan that was applied.

    Raises:
        PipelineError: the backup, its verification or a step failed: the app is still there.
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


async def _apply_what_comes_first(d: Deployment, known: State, plans: dict[str, Plan]) -> dict[str, int]:
    """Apply the part of storage that the app and the backups need: of a saved plan all, else the protection.

    Returns:
        The counts of the plan that was made and applied here.
    """
    if "app" in plans:
        return {}
    if "storage" not in plans:
        return (await protection.begin(d, known)).counts()
    whole = plans["storage"]
    gated = gate_storage(whole)
    await require_not_lost(d, storage=whole)
    await planning.apply(d, gated)
    plans["storage"] = replace(whole, pending=False)
    return {}


async def _apply_both_stacks(d: Deployment, plans: dict[str, Plan], deployed: Deployed, agree: Agree) -> None:
    """Plan both, then apply both: the app reads the storage state while nobody writes it.

    Only the end waits for storage. A change of the backups' protection goes first: everything waits for it.
    """
    agree = note_agreement if "app" in plans else agree
    async with create_task_group() as group:
        for stack in (d.storage, d.app):
            if stack.name not in plans:
                group.start_soon(_plan_into, plans, d, stack)
    storage, app = gate_storage(plans["storage"]), gate_app(plans["app"])
    await _require_agreed(d, app.plan, agree)
    deployed.plans = {name: each.counts() for name, each in plans.items()}
    goes_first = protection.is_changed_by(storage.plan)
    if goes_first:
        await planning.apply(d, storage)
    deployed.saved = await _save_before_loss(d, app.plan)
    async with create_task_group() as group:
        if not goes_first:
            group.start_soon(planning.apply, d, storage)
        group.start_soon(_apply_app_and_prove, d, app, deployed)


async def _require_agreed(d: Deployment, app: Plan, agree: Agree) -> None:
    """Make sure that no state is lost, no node is stopped, and the operator agrees to every removal."""
    await require_not_lost(d, app=app)
    await require_running(d, app)
    if app.ended:
        await agree(d, app.ended)


async def _save_before_loss(d: Deployment, app: Plan) -> bool:
    """Take and verify a backup if the plan removes the database's node or disk.

    Returns:
        Whether a backup was taken.
    """
    if not app.touching(GOES, DATABASE_RESOURCES):
        return False
    await refresh_inventory(d)
    async with nocodb.stopped(d):
        await verify(d)
    return True


async def _plan_into(plans: dict[str, Plan], d: Deployment, stack: Stack) -> None:
    plans[stack.name] = await planning.make_plan(d, stack)


async def _apply_app_and_prove(d: Deployment, app: GatedPlan, deployed: Deployed) -> None:
    await planning.apply(d, app)
    if app.plan.pending:
        deployed.outputs = inventory.outputs((await d.run(d.app.output())).check().stdout)
    await d.runner.write(INVENTORY, render_inventory(d, deployed.outputs))
    await _configure(d, deployed)
    d.progress.note(banner(d, deployed.outputs))
    deployed.proof = await verify(d)


async def _configure(d: Deployment, deployed: Deployed) -> None:
    """Run the playbooks. backup.yml needs nothing of the Swarm, so it runs beside the others.

    New images of services with data come last: the program that backup.yml installs takes a backup first.
    """
    async with create_task_group() as group:
        group.start_soon(_run_playbook, d, "backup.yml", deployed)
        await _run_playbook(d, "swarm.yml", deployed)
        pending_upgrade = Upgrade() if deployed.saved else await upgrade.look(d)
        if not pending_upgrade.images:
            await _run_playbook(d, "nocodb.yml", deployed)
    if pending_upgrade.images:
        async with upgrade.verified_backup_first(d, pending_upgrade):
            await _run_playbook(d, "nocodb.yml", deployed)


async def refresh_inventory(d: Deployment) -> None:
    """Make the inventory as the app's outputs say now: an older one may lead to nodes that are others by now.

    Raises:
        StateLost: there are nodes, but the app's state does not know them.
        ToolError: the app is not deployed.
    """
    outputs = await read_outputs(d, d.app)
    if not outputs.get("nodes"):
        await require_known(d)
    text, before = render_inventory(d, outputs), await d.runner.read(INVENTORY)
    if text == before:
        return
    await d.runner.write(INVENTORY, text)
    if before is not None:
        d.progress.note(f"{INVENTORY} differed from the app's outputs: it was made again")


def render_inventory(d: Deployment, outputs: dict[str, Any]) -> str:
    """Return the inventory that outputs of the app mean."""
    return inventory.render(outputs, d.common, d.hosts, d.backend.name)


async def _run_playbook(d: Deployment, name: str, deployed: Deployed) -> None:
    deployed.changed[name] = count_changed((await d.run(d.ansible.playbook(name))).check())
