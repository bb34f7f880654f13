"""Preview a deployment: the changes of storage, app and playbooks on one page. Unknown parts are deferred."""

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
from pipeline.deploy.forecast import forecast_stacks, is_first
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
SAVED_FIRST = "; a new image of a service with data waits for a verified backup"
SIGNS = {"create": "+", "delete": "-", "update": "~", "replace": "±", "import": "←", "move": "→"}
COUNTED = ("create", "update", "delete", "forget")


@dataclass
class Preview:
    """The changes that a deployment would make.

    Args:
        bucket: the deployment's bucket.
        account: the number of the AWS account.
        region: the AWS region.
        plans: the plans by stack; a missing stack is deferred.
        deferred: the reasons why something is not known yet, by stack or playbook.
        forecasts: what the plans of deferred stacks would show, as far as it is known; never kept.
        playbooks: the predicted changes of the playbooks, by name.
        refusals: the errors of the gate, and lost states.
    """

    bucket: str
    account: str
    region: str
    plans: dict[str, Plan] = field(default_factory=dict)
    deferred: dict[str, str] = field(default_factory=dict)
    forecasts: dict[str, Plan] = field(default_factory=dict)
    playbooks: dict[str, Prediction] = field(default_factory=dict)
    refusals: list[PipelineError] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Tell whether a deployment would change anything, or might."""
        stacks = any(each.pending for each in self.plans.values())
        return stacks or bool(self.deferred) or any(each.changes for each in self.playbooks.values())

    def counts(self) -> dict[str, int]:
        """Return the counts for GitLab's merge requests. A forgotten resource counts as deleted.

        The form is that of GitLab's `artifacts:reports:terraform`.
        """
        total = {key: sum(each.counts()[key] for each in self.plans.values()) for key in COUNTED}
        return {
            "create": total["create"],
            "update": total["update"],
            "delete": total["delete"] + total["forget"],
        }

    def page(self) -> str:
        """Return everything on one page."""
        lines = [f"{self.bucket}, account {self.account}, {self.region}"]
        for name in (*STACKS, *PLAYBOOKS):
            lines += ["", *self._about(name)]
        lines += ["", "what costs money:", *self._costs()]
        refused = [f"  ✗ {each.what}\n    → {each.fix}" for each in self.refusals]
        asked = [f"  ! {change}" for each in self.plans.values() for change in each.to_confirm]
        asks = ["  deploy asks before these changes; with --plan it does not ask:", *asked] if asked else []
        return "\n".join([*lines, "", "gate:", *(refused or ["  allows these plans", *asks])])

    def _costs(self) -> list[str]:
        paid = [f"  {cost}" for each in self.plans.values() for cost in each.costs]
        guessed = [f"  {cost} (forecast)" for each in self.forecasts.values() for cost in each.costs]
        unknown = [name for name in STACKS if name in self.deferred and name not in self.forecasts]
        return [*paid, *guessed, *(f"  {name}: not known yet: deferred" for name in unknown)] or [
            "  no changes"
        ]

    def _about(self, name: str) -> list[str]:
        if name in self.deferred:
            return [f"{name}: deferred: {self.deferred[name]}", *self._forecast(name)]
        if name in self.playbooks:
            return [f"{name}: {self.playbooks[name]}"]
        plan = self.plans[name]
        if not plan.pending:
            return [f"{name}: no changes"]
        counts = ", ".join(f"{count} to {action}" for action, count in plan.counts().items() if count)
        listed = [f"  {SIGNS.get(c.action, '!')} {c}" for c in plan.changes]
        outputs = [f"    output {output}" for output in plan.outputs]
        return [f"{name}: {counts or 'no resource, but outputs change'}", *listed, *outputs]

    def _forecast(self, name: str) -> list[str]:
        if name not in self.forecasts:
            return []
        created = [f"  + create {address}" for address in self.forecasts[name].created]
        about = f"  forecast, as if the bucket existed: {len(created)} to create; deploy plans again"
        return [about, *created]

    def require_allowed(self) -> None:
        """Make sure that the gate allows the plans.

        Raises:
            PlanRefused: the gate refuses a plan, or a state was lost; the error names everything.
        """
        if len(self.refusals) == 1:
            raise PlanRefused(self.refusals[0].what, self.refusals[0].fix, self.refusals[0].tail)
        if self.refusals:
            what = listed("the plan is refused:", (f"✗ {each}" for each in self.refusals))
            raise PlanRefused(what, "nothing was changed; fix each, then plan again")


async def preview(d: Deployment, saved: SavedPlans) -> Preview:
    """Plan everything; nothing is changed in AWS or in a state.

    Args:
        d: the deployment.
        saved: the folder for the plans; nothing is kept if the gate refuses a plan.

    Raises:
        PipelineError: a step failed.
    """
    require_good(await check(d))
    preview = Preview(d.bucket, await d.cloud.account(), d.cloud.region)
    forget = partial(saved.forget, d, await saved.begin(d))
    known = {name: State() for name in STACKS}
    try:
        if await d.backend.exists():
            known = await deploy.prepare_stacks(d)
            await _plan_stacks(d, saved, known, preview)
        else:
            preview.deferred = dict.fromkeys(
                STACKS, "the place for the states does not exist yet: deploy creates it"
            )
        if await is_first(d, known):
            preview.forecasts = await forecast_stacks(d, preview.deferred)
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
                f"an interrupted run left {', '.join(half_made)} half created: deploy keeps it, then plans"
            )
    if "storage" in preview.deferred:
        preview.deferred["app"] = "the app reads storage, which is deferred"
    elif not known["storage"].bucket:
        preview.deferred["app"] = "the bucket does not exist yet: deploy creates it, then plans the app"
    async with create_task_group() as group:
        for stack in (d.storage, d.app):
            if stack.name not in preview.deferred:
                group.start_soon(_plan, d, stack, saved, preview)
    storage = preview.plans.get("storage")
    if storage and storage.outputs and preview.plans.pop("app", None):
        preview.deferred["app"] = f"storage changes outputs that the app reads: {', '.join(storage.outputs)}"


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
            preview.deferred[name] = f"cannot be predicted on these nodes: {ansible.failed_task(result)}"
        else:
            preview.playbooks[name] = read_prediction(result)
    if NOCODB in preview.playbooks:
        pending_upgrade = await upgrade.look(d, saved.inventory(d))
        preview.playbooks[NOCODB] = replace(preview.playbooks[NOCODB], saved_first=pending_upgrade.images)


def _why_not_predictable(preview: Preview) -> str:
    """Return why the playbooks cannot be predicted yet; empty if they can."""
    app = preview.plans.get("app")
    if app is None:
        return "the app is deferred"
    if app.outputs:
        return f"the app's plan changes outputs for the inventory: {', '.join(app.outputs)}"
    return ""


async def _why_unreachable(d: Deployment, saved: SavedPlans) -> str:
    outputs = inventory.outputs((await d.run(d.app.output())).check().stdout)
    if not outputs.get("nodes"):
        return "there are no nodes yet"
    await d.runner.write(saved.folder / KEPT_INVENTORY, deploy.render_inventory(d, outputs), PRIVATE)
    if (await d.run(d.ansible.ping(saved.inventory(d)))).exit_code:
        return "the nodes do not answer"
    return ""
