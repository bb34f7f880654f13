"""The order of a deployment: storage, app, inventory, playbooks, verification."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from anyio import create_task_group

from pipeline import inventory, plan, tofu
from pipeline.ansible import INVENTORY, changed
from pipeline.check import check, require_good
from pipeline.deployment import DATABASE, DATABASE_SERVICE, DATABASE_USER, Deployment
from pipeline.plan import Plan
from pipeline.scripts import verify
from pipeline.tofu import Stack

BUCKET = "aws_s3_bucket.backups"
DATABASE_NODE = 'aws_instance.node["database"]'
DATABASE_RESOURCES = (DATABASE_NODE, "aws_ebs_volume.postgres", "aws_volume_attachment.postgres")
PLAN_FILE = "quickdata.tfplan"


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
    await _init_both(d)
    await _bucket_first(d)
    await _both_stacks(d, done)
    await _playbook(d, "backup.yml", done)
    done.proof = await verify(d)
    return done


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
    await _init(d, d.app)
    if backed_up:
        await _stop_nocodb(d)
        await verify(d)
    doomed = await doom(d)
    await _apply(d, d.app, doomed)
    return doomed.counts()


async def doom(d: Deployment) -> Plan:
    """Plan the app's destruction, and apply nothing."""
    doomed = await _planned(d, d.app, destroy=True)
    plan.gate_app(doomed)
    return doomed


async def _init_both(d: Deployment) -> None:
    async with create_task_group() as group:
        for stack in (d.storage, d.app):
            group.start_soon(_init, d, stack)


async def _init(d: Deployment, stack: Stack) -> None:
    (await d.run(stack.init())).check()


async def _outputs(d: Deployment, stack: Stack) -> dict[str, Any]:
    return inventory.outputs((await d.run(stack.output())).check().stdout)


async def _bucket_first(d: Deployment) -> None:
    """On the first creation the app needs the bucket alone; the rest of storage is slow (lifecycle)."""
    if (await _outputs(d, d.storage)).get("bucket_name"):
        return
    plan.gate_storage(whole := await planned_storage(d))
    if whole.creates(BUCKET):
        await d.cloud.require_free(d.bucket)
    plan.gate_storage(bucket := await _planned(d, d.storage, BUCKET))
    await _apply(d, d.storage, bucket)


async def _both_stacks(d: Deployment, done: Deployed) -> None:
    """Plan both, then apply both: the app reads the storage state while nobody writes it."""
    plans: dict[str, Plan] = {}
    async with create_task_group() as group:
        group.start_soon(_plan_into, plans, "storage", partial(planned_storage, d))
        group.start_soon(_plan_into, plans, "app", partial(_planned, d, d.app))
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
        await _stop_nocodb(d)
        await verify(d)


async def _stop_nocodb(d: Deployment) -> None:
    if d.real_nodes:
        (
            await d.run(d.ansible.on_manager("stop NocoDB", "docker", "service", "scale", "nocodb_nocodb=0"))
        ).check()


async def _plan_into(plans: dict[str, Plan], name: str, planned: Callable[[], Awaitable[Plan]]) -> None:
    plans[name] = await planned()


async def planned_storage(d: Deployment) -> Plan:
    """Plan storage; what an interrupted run left tainted is kept: the gate lets nothing be replaced."""
    found = await _planned(d, d.storage)
    tainted = [change.address for change in found.changes if change.tainted]
    for address in tainted:
        (await d.run(d.storage.untaint(address))).check()
    return await _planned(d, d.storage) if tainted else found


async def _planned(d: Deployment, stack: Stack, *targets: str, destroy: bool = False) -> Plan:
    planned = (await d.run(stack.plan(PLAN_FILE, *targets, destroy=destroy))).check(tofu.CHANGES)
    if planned.exit_code == 0:
        return Plan(pending=False)
    found = plan.read((await d.run(stack.show(PLAN_FILE))).check().stdout)
    d.report.planned(planned.step.name, found)
    return found


async def _apply(d: Deployment, stack: Stack, what: Plan) -> None:
    if what.pending:
        (await d.run(stack.apply(PLAN_FILE))).check()


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
