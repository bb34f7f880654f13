"""The gate: every action allowed or refused, with all its changes; an apply is of the gate's own stack."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.deploy.gate import GatedPlan, gate_app, gate_storage
from pipeline.deploy.planning import apply
from pipeline.errors import PlanRefused
from pipeline.tofu import plan
from pipeline.tofu.plan import Plan
from tests.support.recording import VERSIONING, RecordingRunner, changing, deployment, plan_json

Document = dict[str, Any]
Gate = Callable[[Plan], GatedPlan]


def importing(*actions: str) -> Document:
    change = {"actions": list(actions), "importing": {"id": "x"}}
    return {"resource_changes": [{"address": VERSIONING, "change": change}]}


def putting_off(*actions: str) -> Document:
    deferred = {
        "reason": "provider_config_unknown",
        "resource_change": changing(*actions)["resource_changes"][0],
    }
    return {"deferred_changes": [deferred], "complete": False}


INVOKING = {"action_invocations": [{"address": "action.aws_lambda_invoke.x", "type": "aws_lambda_invoke"}]}


GATE: dict[str, tuple[Document, str, bool, bool]] = {
    "nothing": (changing("no-op"), "", True, True),
    "create": (changing("create"), "create", True, True),
    "read": (changing("read"), "", True, True),
    "update": (changing("update"), "update", True, True),
    "import": (importing("no-op"), "import", True, True),
    "import and update": (importing("update"), "update, import", True, True),
    "import and replace": (importing("delete", "create"), "replace, import", False, True),
    "move": (changing("no-op", previous_address="a.old"), "move", True, True),
    "move and delete": (changing("delete", previous_address="a.old"), "delete, move", False, True),
    "replace, deleted first": (changing("delete", "create"), "replace", False, True),
    "replace, created first": (changing("create", "delete"), "replace", False, True),
    "replace, forgotten last": (changing("create", "forget"), "replace", False, True),
    "replace, forgotten first": (changing("forget", "create"), "replace", False, True),
    "delete": (changing("delete"), "delete", False, True),
    "delete of what is deposed": (changing("delete", deposed="0123abcd"), "delete", False, True),
    "forget": (changing("forget"), "forget", False, True),
    "deferred create": (putting_off("create"), "deferred create", True, True),
    "deferred delete": (putting_off("delete"), "deferred delete", False, True),
    "deferred unknown": (putting_off("teleport"), "deferred unknown (teleport)", False, False),
    "unknown": (changing("teleport"), "unknown (teleport)", False, False),
    "unknown pair": (changing("update", "delete"), "unknown (update+delete)", False, False),
    "no action at all": (changing(), "unknown ()", False, False),
    "an action of a provider": (INVOKING, "unknown (invoke)", False, False),
}
"""A plan, the actions that are read in it, whether it may be applied to storage, and to the app."""


@pytest.mark.parametrize("name", GATE)
def test_every_action_is_read_and_allowed_or_refused(name: str) -> None:
    document, actions, storage, app = GATE[name]
    found = plan.read(json.dumps(document))
    assert ", ".join(c.action for c in found.changes) == actions
    for gate, allowed in ((gate_storage, storage), (gate_app, app)):
        if allowed:
            gate(found)
        else:
            with pytest.raises(PlanRefused, match=actions.split(",")[0].split(" (")[0]):
                gate(found)


def test_one_refused_change_among_allowed_ones_refuses_the_plan() -> None:
    with pytest.raises(PlanRefused, match=r"delete a\.bad"):
        gate_storage(plan.read(plan_json(("a.ok", "create"), ("a.bad", "delete"))))


def test_a_refusal_names_every_change_at_once() -> None:
    found = plan.read(plan_json(("a.one", "delete"), ("a.two", "forget")))
    with pytest.raises(PlanRefused, match=r"delete a\.one, forget a\.two"):
        gate_storage(found)


@pytest.mark.parametrize(("gate", "applied"), [(gate_storage, "storage: apply"), (gate_app, "app: apply")])
async def test_a_plan_is_applied_to_the_stack_whose_gate_has_read_it(gate: Gate, applied: str) -> None:
    runner = RecordingRunner()
    await apply(deployment(runner), gate(plan.read(plan_json((VERSIONING, "create")))))
    assert runner.names == [applied]
