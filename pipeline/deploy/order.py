"""The order of a deployment: storage, app, inventory, playbooks, verification."""

from dataclasses import dataclass, field, replace
from typing import Any

from anyio import create_task_group

from pipeline.ansible import inventory
from pipeline.ansible.playbooks import INVENTORY, count_changed
from pipeline.backups import archiving, nocodb
from pipeline.backups.node import Figures, physical_backup, verify
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
from pipeline.errors import DeployedInPart, PipelineError
from pipeline.states.ready import prepare_stack, read_outputs, require_unlocked
from pipeline.tofu.plan import DATABASE_RESOURCES, GOES, Plan
from pipeline.tofu.stack import Stack
from pipeline.tofu.state import State

BEGIN_AGAIN = (
    "read the lines below. If they name a section of docs/runbook.md, take its steps: `The bucket has the"
    " physical backups of another database`; or `Archiving fails`, which says when to go on with"
    " `The volume was made from a snapshot`. Otherwise fix the cause, and deploy again"
)


@dataclass
class Deployed:
    """The result of a deployment.

    Args:
        first: counts of the plan that created the bucket with its protection, before the other plans.
        plans: counts of the applied plans, by stack.
        changed: the number of tasks that changed something, by playbook.
        outputs: the app's outputs.
        proof: the figures of the verification.
        saved: whether a backup was verified before the app was applied.
        lacking: why physical backups are not in order; None if they are, or if they are off.
        warnings: what the operator has to know at the end, beside the proofs.
    """

    first: dict[str, int] = field(default_factory=dict)
    plans: dict[str, dict[str, int]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    proof: dict[str, Any] = field(default_factory=dict)
    saved: bool = False
    lacking: DeployedInPart | None = None
    warnings: list[str] = field(default_factory=list)

    def require_whole(self) -> None:
        """Make sure that nothing is lacking. Call it when the report has the proofs.

        Raises:
            DeployedInPart: physical backups are on, but there is no good one, or no WAL is archived.
        """
        if self.lacking:
            raise self.lacking

    @property
    def nothing_changed(self) -> bool:
        """Tell whether the deployment changed nothing."""
        planned = (self.first, *self.plans.values())
        return not any(sum(c.values()) for c in planned) and not any(self.changed.values())


async def deploy(d: Deployment, saved: SavedPlans | None = None, agree: Agree = refuse) -> Deployed:
    """Deploy everything in order, then prove that a backup can be restored.

    Args:
        d: the deployment.
        saved: plans of `quickdata plan`, which are applied unchanged; deferred stacks are planned here.
        agree: asks the operator before a new plan removes or stops a node; a saved plan was shown before.

    Returns:
        The changes and the proof.

    Raises:
        PipelineError: a step failed, a gate refused a plan, or the verification failed.
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
    """Make the folders of both stacks ready.

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


async def _apply_what_comes_first(d: Deployment, known: State, plans: dict[str, Plan]) -> dict[str, int]:
    """Apply what app and backups need of storage: a saved plan completely, otherwise the protection.

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
    """Plan both, then apply both, so that the app reads storage's state while nobody writes it.

    Only the end waits for storage. But a change of the backups' protection is applied first.
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
    """Make sure that no state is lost, no node is stopped, and the operator agrees where needed."""
    await require_not_lost(d, app=app)
    await require_running(d, app)
    if app.to_confirm:
        await agree(d, app.to_confirm)


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
    if d.real_nodes:
        await _begin_physical_backups(d, deployed)


async def _begin_physical_backups(d: Deployment, deployed: Deployed) -> None:
    """Take the first physical backup, if they are on. Note why there is none, or why no WAL is archived."""
    try:
        first = await physical_backup(d, if_none=True)
    except PipelineError as error:
        what = f"physical backups are not in order: {error.what}"
        deployed.lacking = DeployedInPart(what, BEGIN_AGAIN, error.tail)
        first = await _look_all_the_same(d)
    if first.get("warning"):
        deployed.warnings.append(f"! {first['warning']}")
    if first.get("heard") is False:
        deployed.warnings.append(f"! {archiving.UNHEARD}")
    if first.get("label"):
        taken = f"backup {first['label']} was taken in {first['seconds']} s"
        words = f"{taken}; its rows are counted at {first['point']}"
        d.report.prove("first physical backup", words, **first)
        d.progress.note(d.advice("`quickdata drill --physical` proves that the physical backups come back"))


async def _look_all_the_same(d: Deployment) -> Figures:
    """Return how archiving is, after a backup that failed; empty if it is off, or if this look fails too."""
    try:
        found = await archiving.look(d)
    except PipelineError:
        return {}
    return found if found and found.get("on") else {}


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


async def refresh_inventory(d: Deployment) -> str:
    """Write the inventory from the app's present outputs: an older inventory may name replaced nodes.

    Returns:
        The inventory.

    Raises:
        StateLost: nodes exist, but the app's state does not contain them.
        ToolError: the app is not deployed.
    """
    outputs = await read_outputs(d, d.app)
    if not outputs.get("nodes"):
        await require_known(d)
    text, before = render_inventory(d, outputs), await d.runner.read(INVENTORY)
    if text != before:
        await d.runner.write(INVENTORY, text)
    if before not in (None, text):
        d.progress.note(f"{INVENTORY} differed from the app's outputs, so it was written again")
    return text


def render_inventory(d: Deployment, outputs: dict[str, Any]) -> str:
    """Return the inventory for the app's outputs."""
    return inventory.render(outputs, d.common, d.hosts, d.backend.name)


async def _run_playbook(d: Deployment, name: str, deployed: Deployed) -> None:
    deployed.changed[name] = count_changed((await d.run(d.ansible.playbook(name))).check())
