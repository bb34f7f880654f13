"""A preview as JSON: what `plan --json` prints. docs/json.md lists the fields."""

from typing import Any

from pipeline.ansible.check_mode import Prediction
from pipeline.ansible.playbooks import PLAYBOOKS
from pipeline.deploy.preview import Preview
from pipeline.tofu.plan import Plan
from pipeline.tofu.stack import STACKS

ACTIONS = {"+": "create", "-": "delete", "~": "update", "±": "replace"}
"""What the marks of `Cost` mean."""


def document(preview: Preview) -> dict[str, Any]:
    """Return a preview as JSON can hold it; each stack and each playbook is in it, deferred or not."""
    plans, playbooks, deferred = preview.plans, preview.playbooks, preview.deferred
    return {
        "bucket": preview.bucket,
        "account": preview.account,
        "region": preview.region,
        "changes": preview.changes,
        "allowed": not preview.refusals,
        "stacks": [
            _about(name, deferred) | _stack(plans.get(name)) | _forecast(preview.forecasts.get(name))
            for name in STACKS
        ],
        "playbooks": [_about(name, deferred) | _playbook(playbooks.get(name)) for name in PLAYBOOKS],
        "refusals": [{"what": each.what, "fix": each.fix} for each in preview.refusals],
    }


def _about(name: str, deferred: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "deferred": deferred.get(name)}


def _stack(plan: Plan | None) -> dict[str, Any]:
    """Return what is known of a stack; of a deferred one nothing is."""
    known = plan or Plan(pending=False)
    resources = [
        {"address": c.address, "action": c.action, "previous": c.previous or None, "altered": list(c.altered)}
        for c in known.changes
    ]
    costs = [{"address": c.address, "action": ACTIONS[c.mark], "what": c.what} for c in known.costs]
    return {
        "pending": plan.pending if plan else None,
        "counts": plan.counts() if plan else None,
        "resources": resources,
        "outputs": list(known.outputs),
        "costs": costs,
        "confirm": [change.address for change in known.to_confirm],
    }


def _forecast(plan: Plan | None) -> dict[str, Any]:
    """Return what a deferred stack would create; a first deployment does nothing else."""
    if plan is None:
        return {"forecast": None}
    costs = [{"address": cost.address, "what": cost.what} for cost in plan.costs]
    return {"forecast": {"resources": list(plan.created), "costs": costs}}


def _playbook(prediction: Prediction | None) -> dict[str, Any]:
    """Return what is known of a playbook; of a deferred one nothing is."""
    known = prediction or Prediction(0)
    return {
        "changed": prediction.changed if prediction else None,
        "hosts": [{"name": name, "tasks": tasks} for name, tasks in known.hosts.items()],
        "unknown": list(known.unknown),
        "images": list(known.images),
        "backup_first": list(known.saved_first),
    }
