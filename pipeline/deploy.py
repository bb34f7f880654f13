"""The order of a deployment: storage, app, inventory, playbooks, verification."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from anyio import CancelScope, create_task_group

from pipeline import inventory, plan, tofu
from pipeline.ansible import INVENTORY, changed
from pipeline.check import check, require_good
from pipeline.deployment import DATABASE, DATABASE_SERVICE, DATABASE_USER, Deployment
from pipeline.plan import Plan
from pipeline.scripts import verify
from pipeline.state import State
from pipeline.states import opened, require_unlocked
from pipeline.tofu import Stack

BUCKET = "aws_s3_bucket.backups"
DATABASE_NODE = 'aws_instance.node["database"]'
DATABASE_RESOURCES = (DATABASE_NODE, "aws_ebs_volume.postgres", "aws_volume_attachment.postgres")


@dataclass
class Deployed:
    """What a deployment changed and what it came to.

    Args:
        plans: counts by stack, of the plans that were applied beside each other.
        changed: tasks that changed something, by playbook.
        outputs: the app's outputs.
        proof: the verification's figures.
    """

    plans: dict[str, dict[str, int]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    proof: dict[str, Any] = field(default_factory=dict)

    @property
    def nothing_changed(self) -> bool:
        """Tell whether the deployment found everything as it should be."""
        return not any(sum(c.values()) for c in self.plans.values()) and not any(self.changed.values())


async def deploy(d: Deployment) -> Deployed:
    """Deploy everything in order, then prove that a backup comes back.

    Returns:
        What was changed, and the proof.

    Raises:
        PipelineError: a step failed, a gate refused, or the verification did.
    """
    done = Deployed()
    require_good(await check(d))
    await d.backend.create(d)
    known = await ready(d)
    try:
        await _bucket_first(d, known["storage"])
        await _both_stacks(d, done)
    finally:
        await _forget_plans(d)
    await _playbook(d, "backup.yml", done)
    d.progress.note(banner(d, done.outputs))
    done.proof = await verify(d)
    return done


async def ready(d: Deployment) -> dict[str, State]:
    """Make both folders ready, and let stand what an interrupted run left half made.

    A half-made ("tainted") resource would be replaced: in storage the gate refuses that, and before the
    database's node or disk is, a backup would be asked of a database that was never there.

    Returns:
        The states by stack.
    """
    states: dict[str, State] = {}
    async with create_task_group() as group:
        group.start_soon(_ready, d, d.storage, ("",), states)
        group.start_soon(_ready, d, d.app, DATABASE_RESOURCES, states)
    return states


async def _ready(d: Deployment, stack: Stack, kept: tuple[str, ...], states: dict[str, State]) -> None:
    await require_unlocked(d, stack)
    states[stack.name] = await opened(d, stack)
    for address in states[stack.name].tainted:
        if address.startswith(kept):
            (await d.run(stack.untaint(address))).check()


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
    await opened(d, d.app)
    try:
        if backed_up:
            async with _nocodb_stopped(d):
                await verify(d)
                doomed = await _doomed(d)
        else:
            doomed = await _doomed(d)
        await _apply(d, d.app, doomed)
    finally:
        await _forget_plans(d)
    return doomed.counts()


async def _doomed(d: Deployment) -> Plan:
    plan.gate_app(doomed := await planned(d, d.app, destroy=True))
    return doomed


@asynccontextmanager
async def _nocodb_stopped(d: Deployment) -> AsyncIterator[None]:
    """Stop NocoDB for what follows; if that fails, NocoDB comes back."""
    await _scale_nocodb(d, 0)
    try:
        yield
    except BaseException:
        with CancelScope(shield=True):
            await _scale_nocodb(d, 1)
        raise


async def _scale_nocodb(d: Deployment, replicas: int) -> None:
    if d.real_nodes:
        name = "start NocoDB" if replicas else "stop NocoDB"
        command = ("docker", "service", "scale", f"nocodb_nocodb={replicas}")
        (await d.run(d.ansible.on_manager(name, *command))).check()


async def _forget_plans(d: Deployment) -> None:
    """Saved plans hold what the state holds."""
    with CancelScope(shield=True):
        for stack in (d.storage, d.app):
            await d.runner.remove(stack.workdir / d.plan_file)


async def _outputs(d: Deployment, stack: Stack) -> dict[str, Any]:
    return inventory.outputs((await d.run(stack.output())).check().stdout)


async def _bucket_first(d: Deployment, known: State) -> None:
    """On the first creation the app needs the bucket alone; the rest of storage is slow (lifecycle)."""
    if known.outputs.get("bucket_name"):
        return
    plan.gate_storage(whole := await planned(d, d.storage))
    if whole.creates(BUCKET):
        await d.cloud.require_free(d.bucket)
    plan.gate_storage(bucket := await planned(d, d.storage, BUCKET))
    await _apply(d, d.storage, bucket)


async def _both_stacks(d: Deployment, done: Deployed) -> None:
    """Plan both, then apply both: the app reads the storage state while nobody writes it."""
    plans: dict[str, Plan] = {}
    async with create_task_group() as group:
        group.start_soon(_plan_into, plans, "storage", partial(planned, d, d.storage))
        group.start_soon(_plan_into, plans, "app", partial(planned, d, d.app))
    plan.gate_storage(plans["storage"])
    plan.gate_app(plans["app"])
    await _before_app(d, plans["app"])
    done.plans = {name: each.counts() for name, each in plans.items()}
    async with create_task_group() as group:
        group.start_soon(_apply, d, d.storage, plans["storage"])
        group.start_soon(_app_and_services, d, plans["app"], done)


async def _before_app(d: Deployment, app: Plan) -> None:
    """Before the app is applied: no state may be lost, and a doomed database must have a good backup."""
    if app.creates(DATABASE_NODE):
        await d.cloud.require_no_nodes(d.suffix)
    if app.touching({"delete", "replace", "forget"}, DATABASE_RESOURCES):
        async with _nocodb_stopped(d):
            await verify(d)


async def _plan_into(plans: dict[str, Plan], name: str, planned: Callable[[], Awaitable[Plan]]) -> None:
    plans[name] = await planned()


async def planned(d: Deployment, stack: Stack, *targets: str, destroy: bool = False) -> Plan:
    """Save a plan and read it; nothing is applied.

    Raises:
        PipelineError: the tool failed, or what it saved cannot be read.
    """
    made = (await d.run(stack.plan(d.plan_file, *targets, destroy=destroy))).check(tofu.CHANGES)
    if made.exit_code == 0:
        return Plan(pending=False)
    found = plan.read((await d.run(stack.show(d.plan_file))).check().stdout)
    d.report.planned(made.step.name, found)
    return found


async def _apply(d: Deployment, stack: Stack, what: Plan) -> None:
    if what.pending:
        (await d.run(stack.apply(d.plan_file))).check()


async def _app_and_services(d: Deployment, what: Plan, done: Deployed) -> None:
    await _apply(d, d.app, what)
    done.outputs = await _outputs(d, d.app)
    text = inventory.render(done.outputs, d.suffix, d.common, d.hosts)
    await d.runner.write(INVENTORY, text)
    (await d.run(d.ansible.wait())).check()
    await _playbook(d, "swarm.yml", done)
    await _playbook(d, "nocodb.yml", done)


async def _playbook(d: Deployment, name: str, done: Deployed) -> None:
    done.changed[name] = changed((await d.run(d.ansible.playbook(name))).check())


def banner(d: Deployment, outputs: dict[str, Any]) -> str:
    """Return what a person needs to reach the deployment."""
    nodes, domain = outputs["nodes"], d.common.get("nocodb_domain")
    database = next(node for node in nodes.values() if node["role"] == "database")
    manager = next(node for node in nodes.values() if node["role"] == "manager")
    url = f"https://{domain}" if domain else f"http://{database['public_ip']}:8080"
    login = f"{outputs['ssh_user']}@{manager['public_ip']}"
    lines = {
        "DB host/service ": DATABASE_SERVICE,
        "DB name         ": DATABASE,
        "DB user         ": DATABASE_USER,
        "S3 bucket       ": outputs["bucket_name"],
        "NocoDB          ": url,
        "Adminer         ": f"ssh -N -L 8081:127.0.0.1:8081 {login}, then http://127.0.0.1:8081",
    }
    return "\n".join(f"{label}: {value}" for label, value in lines.items())
