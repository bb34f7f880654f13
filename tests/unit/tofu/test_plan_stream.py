"""What a plan's own run tells: the gate decides by it as by the saved file, or the file is read."""

import json

import pytest

from pipeline.deploy.gate import gate_adoption, gate_app, gate_storage
from pipeline.errors import PlanRefused
from pipeline.steps.masks import Masks
from pipeline.tofu import plan, plan_stream
from pipeline.tofu.plan import Plan
from tests.support.plan_streams import told
from tests.support.recording import plan_json
from tests.unit.deploy.test_gate import GATE

NOT_STREAMED = {
    "deferred create",
    "deferred delete",
    "deferred unknown",
    "unknown",
    "unknown pair",
    "no action at all",
    "an action of a provider",
    "replace, forgotten last",
    "replace, forgotten first",
}
"""What a stream has no word for, or this version does not know: the saved file is read."""
CREATING = told(plan_json(("a.one", "create")))


@pytest.mark.parametrize("name", GATE)
def test_a_stream_tells_the_gate_what_the_saved_file_tells_or_nothing(name: str) -> None:
    document = json.dumps(GATE[name][0])
    found, shown = plan_stream.read(told(document)), plan.read(document)
    assert (found is None) == (name in NOT_STREAMED)
    if found:
        pairs = [[(c.address, c.action, c.previous) for c in each.changes] for each in (found, shown)]
        assert pairs[0] == pairs[1]
        assert found.counts() == shown.counts()


@pytest.mark.parametrize("action", ["delete", "replace", "forget"])
def test_a_stream_with_what_could_lose_a_backup_is_refused(action: str) -> None:
    found = plan_stream.read(told(plan_json(("a.ok", "create"), ("a.bad", action))))
    assert found
    with pytest.raises(PlanRefused, match=rf"{action} a\.bad"):
        gate_storage(found)
    gate_app(found)


def test_attributes_that_nobody_read_are_not_taken_for_none() -> None:
    found = plan_stream.read(told(plan_json(("a.one", "update"))))
    assert found
    with pytest.raises(PlanRefused, match=r"update a\.one \(attributes that were not read\)"):
        gate_adoption("app", found)


def test_outputs_that_change_are_named() -> None:
    outputs = {"same": {"actions": ["no-op"]}, "nodes": {"actions": ["update"]}}
    assert plan_stream.read(told(json.dumps({"output_changes": outputs}))) == Plan(outputs=("nodes",))


def without(text: str, kind: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if json.loads(line)["type"] != kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json\n",
        "[]\n",
        without(CREATING, "change_summary"),
        without(CREATING, "planned_change"),
        CREATING + CREATING,
        CREATING.replace('"plan"', '"apply"'),
        CREATING.replace('"create"', '"noop"'),
        CREATING.replace('"create"', '"teleport"'),
        CREATING.replace('"add": 1', '"add": 1, "action_invocation": 1'),
        CREATING.replace('"add": 1', '"add": 1, "forget": 1'),
        CREATING.replace('"add": 1', '"add": 2'),
        CREATING.replace('"change": 0', '"change": 1'),
        CREATING.replace('"type": "refresh_start"', '"type": "something_new"'),
        CREATING.replace('{"type": "version"}\n', "{}\n"),
        CREATING.replace("a.one", "•••").replace('"addr"', "•••"),
        Masks({"VAULT_PASSWORD": "a.one"}).cover(CREATING),
        CREATING[: CREATING.index("change_summary")],
    ],
)
def test_a_stream_that_may_not_tell_all_is_no_plan(text: str) -> None:
    assert plan_stream.read(text) is None


def test_words_that_say_nothing_of_changes_are_passed_over() -> None:
    more = ["log", "diagnostic", "resource_drift", "refresh_start", "refresh_complete", "apply_start"]
    text = "".join(f"{json.dumps({'type': kind})}\n" for kind in more) + CREATING
    found = plan_stream.read(text)
    assert found and [str(change) for change in found.changes] == ["create a.one"]
