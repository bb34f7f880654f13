"""What a deployment would do: storage, app and playbooks on one page; what cannot be known is deferred."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from anyio import create_task_group

from pipeline.ansible import inventory
from pipeline.ansible import playbooks as ansible
from pipeline.ansible.check_mode import Prediction, read_prediction
from pipeline.ansible.playbooks import PLAYBOOKS
from pipeline.deploy import order as deploy
from pipeline.deploy import planning, upgrade
from pipeline.deploy.check import check, require_good
from pipeline.deploy.gate import gate_app, gate_storage
from pipeline.deploy.lost_state import require_not_lost
from pipeline.deploy.saved_plans import INVENTORY as KEPT_INVENTORY
from pipeline.deploy.saved_plans import PRIVATE, SavedPlans
from pipeline.deploy.stopped_nodes import require_running
from pipeline.deployment import Deployment
from pipeline.errors import NodeStopped, PipelineError, PlanRefused, StateLost, listed
from pipeline.runners.cleanup import clean_after
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import STACKS, Stack
from pipeline.tofu.state import State

NOCODB = "nocodb.yml"
SAVED_FIRST = "; another image of what holds data waits for a verified backup"
SIGNS = {"create": "+", "delete": "-", "update": "~", "replace": "±", "import": "←", "move": "→"}
COUNTED = ("create", "update", "delete", "forget")


@dataclass
class Preview:
    """What a deployment would do.

    Args:
        title: which deployment, in which account.
        plans: by stack; one that is missing is deferred.
        deferred: what cannot be known yet, and why, by stack or playbook.
        playbooks: what the playbooks would do, by name.
        refusals: what the gate refuses, and states that were lost.
    """

    title: str
    plans: dict[str, Plan] = field(default_factory=dict)
    deferred: dict[str, str] = field(default_factory=dict)
    playbooks: dict[str, Prediction] = field(default_factory=dict)
    refusals: list[PipelineError] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Tell whether a deployment would, or might, change anything."""
        stacks = any(each.pending for each in self.plans.values())
        return stacks or bool(self.deferred) or any(each.changes for each in self.playbooks.values())

    def counts(self) -> dict[str, int]:
        """Return the counts as GitLab's merge requests show them; what is forgotten counts as deleted.

        The form is GitLab's `artifacts:reports:terraform`.
        """
        total = {key: sum(each.counts()[key] for each in self.plans.values()) for key in COUNTED}
        return {
            "create": total["create"],
            "update": total["update"],
            "delete": total["delete"] + total["forget"],
        }

    def page(self) -> str:
        """Return everything on one page."""
        lines = [self.title]
        for name in (*STACKS, *PLAYBOOKS):
            lines += ["", *self._about(name)]
        lines += ["", "what costs money:", *self._costs()]
        refused = [f"  ✗ {each.what}\n    → {each.fix}" for each in self.refusals]
        ended = [f"  ! {change}" for each in self.plans.values() for change in each.ended]
        asks = ["  deploy asks before these changes; with --plan it does not ask:", *ended] if ended else []
        return "\n".join([*lines, "", "gate:", *(refused or ["  lets it pass", *asks])])

    def _costs(self) -> list[str]:
        paid = [f"  {cost}" for each in self.plans.values() for cost in each.costs]
        unknown = [f"  {name}: not known yet, it is deferred" for name in STACKS if name in self.deferred]
        return [*paid, *unknown] or ["  nothing that comes, changes or goes"]

    def _about(self, name: str) -> list[str]:
        if name in self.deferred:
            return [f"{name}: deferred: {self.deferred[name]}"]
        if name in self.playbooks:
            return [f"{name}: {self.playbooks[name]}"]
        plan = self.plans[name]
        if not plan.pending:
            return [f"{name}: no changes"]
        counts = ", ".join(f"{count} to {action}" for action, count in plan.counts().items() if count)
        listed = [f"  {SIGNS.get(c.action, '!')} {c}" for c in plan.changes]
        outputs = [f"    output {output}" for output in plan.outputs]
        return [f"{name}: {counts or 'no resource, but outputs change'}", *listed, *outputs]

    def require_allowed(self) -> None:
        """Make sure that the gate lets the plans pass.

        Raises:
            PlanRefused: it does not, or a state was lost; with everything that is refused.
        """
        if len(self.refusals) == 1:
            raise PlanRefused(self.refusals[0].what, self.refusals[0].fix, self.refusals[0].tail)
        if self.refusals:
            what = listed("this is refused:", (f"✗ {each}" for each in self.refusals))
            raise PlanRefused(what, "nothing was changed; fix each, then plan again")


async def preview(d: Deployment, saved: SavedPlans) -> Preview:
    """Plan everything; nothing is changed in AWS or in a state.

    Args:
        d: the deployment.
        saved: where the plans are kept; a plan that the gate refuses is not.

    Raises:
        PipelineError: a step failed.
    """
    require_good(await check(d))
    preview = Preview(f"{d.bucket}, account {await d.cloud.account()}, {d.cloud.region}")
    forget = partial(saved.forget, d, await saved.begin(d))
    known = {name: State() for name in STACKS}
    try:
        if await d.backend.exists():
            known = await deploy.prepare_stacks(d)
            await _plan_stacks(d, saved, known, preview)
        else:
            preview.deferred = dict.fromkeys(
                STACKS, "the place of the states is not there yet: deploy makes it"
            )
        await _look_for_refusals(d, preview)
        await _predict_playbooks(d, saved, preview)
        if not preview.refusals:
            await saved.keep(d, known, preview.plans, preview.counts())
    except BaseException as error:
        await clean_after(error, forget)
        raise
    if preview.refusals:
        await forget()
    return preview


async def _plan_stacks(
    d: Deployment, saved: SavedPlans, known: Mapping[str, State], preview: Preview
) -> None:
    for stack in (d.storage, d.app):
        if half_made := planning.half_made(stack.name, known[stack.name]):
            preview.deferred[stack.name] = (
                f"an interrupted run left {', '.join(half_made)} half made: deploy lets it stand, then plans"
            )
    if "storage" in preview.deferred:
        preview.deferred["app"] = "it reads from storage, which is deferred"
    elif not known["storage"].bucket:
        preview.deferred["app"] = "the bucket does not exist yet: deploy creates it, then plans the app"
    async with create_task_group() as group:
        for stack in (d.storage, d.app):
            if stack.name not in preview.deferred:
                group.start_soon(_plan, d, stack, saved, preview)
    storage = preview.plans.get("storage")
    if storage and storage.outputs and preview.plans.pop("app", None):
        preview.deferred["app"] = f"storage changes what it reads: {', '.join(storage.outputs)}"


async def _plan(d: Deployment, stack: Stack, saved: SavedPlans, preview: Preview) -> None:
    preview.plans[stack.name] = await planning.make_plan(d, stack, file=saved.file(d, stack), attributes=True)


async def _look_for_refusals(d: Deployment, preview: Preview) -> None:
    storage, app = preview.plans.get("storage"), preview.plans.get("app")
    for gate, each in ((gate_storage, storage), (gate_app, app)):
        try:
            gate(each or Plan())
        except PlanRefused as refusal:
            preview.refusals.append(refusal)
    try:
        await require_not_lost(d, storage, app)
        if app:
            await require_running(d, app)
    except (StateLost, NodeStopped) as refusal:
        preview.refusals.append(refusal)


async def _predict_playbooks(d: Deployment, saved: SavedPlans, preview: Preview) -> None:
    why = _why_not_predictable(preview)
    why = why or await _why_unreachable(d, saved)
    for name in PLAYBOOKS:
        if why:
            preview.deferred[name] = why + (
                SAVED_FIRST if name == NOCODB and preview.plans.get("app") else ""
            )
            continue
        result = await d.run(d.ansible.predict(name, saved.inventory(d)))
        if result.exit_code:
            preview.deferred[name] = f"it cannot be predicted on these nodes: {ansible.failed_task(result)}"
        else:
            preview.playbooks[name] = read_prediction(result)
    if NOCODB in preview.playbooks:
        pending_upgrade = await upgrade.look(d, saved.inventory(d))
        preview.playbooks[NOCODB] = replace(preview.playbooks[NOCODB], saved_first=pending_upgrade.images)


def _why_not_predictable(preview: Preview) -> str:
    """Return why the nodes cannot be looked at yet; nothing when they can."""
    app = preview.plans.get("app")
    if app is None:
        return "the app is deferred"
    if app.outputs:
        return f"the app's plan changes what the inventory is made of: {', '.join(app.outputs)}"
    return ""


async def _why_unreachable(d: Deployment, saved: SavedPlans) -> str:
    outputs = inventory.outputs((await d.run(d.app.output())).check().stdout)
    if not outputs.get("nodes"):
        return "there are no nodes yet"
    await d.runner.write(saved.folder / KEPT_INVENTORY, deploy.render_inventory(d, outputs), PRIVATE)
    if (await d.run(d.ansible.ping(saved.inventory(d)))).exit_code:
        return "the nodes do not answer"
    return ""
