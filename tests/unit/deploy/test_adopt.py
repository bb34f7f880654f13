"""What an adoption may change, what it looks at before, and what it leaves to deploy."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.deploy import adopt
from pipeline.deploy.adopt import IMPORTS, Adopted
from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import PipelineError, PlanRefused, StateLost
from pipeline.steps.step import Step
from pipeline.tofu.backends.s3 import S3
from tests.support.recording import FreeCloud, RecordingRunner, deployment, state_json

BUCKET = "aws_s3_bucket.backups"
NODE = 'aws_instance.node["database"]'


def plans(*texts: str) -> Callable[[Step], tuple[int, str]]:
    """Answer with one plan after the other."""
    left = list(texts)
    return lambda _step: (0, left.pop(0))


def change(address: str, *actions: str, imported: bool = False, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"actions": list(actions), "before": {}, "after": values}
    return {"address": address, "change": found | ({"importing": {"id": "x"}} if imported else {})}


def text(*changes: dict[str, Any]) -> str:
    return json.dumps({"resource_changes": list(changes)})


LOST = text(change("aws_vpc.main", "create"), change("aws_subnet.public", "create"))
THERE = [("aws_vpc.main", "vpc-1")]
IMPORTED = text(change("aws_vpc.main", "no-op", imported=True))
LEFT = text(change("aws_subnet.public", "create"))


def adopting(*read: str, there: list[tuple[str, str]] | None = None) -> tuple[Deployment, RecordingRunner]:
    runner = RecordingRunner({"app: read plan": plans(*read), "storage: state": (0, state_json())})
    runner.answers |= {f"app: plan -target={address}": (2, "") for address, _ in there or THERE}
    return deployment(runner, FreeCloud(there=there or THERE)), runner


GATE: dict[str, tuple[dict[str, Any], bool]] = {
    "import": (change("aws_vpc.main", "no-op", imported=True), True),
    "tags": (change("aws_vpc.main", "update", imported=True, tags={"a": "b"}, tags_all={}), True),
    "what the state alone keeps": (change(NODE, "update", user_data_replace_on_change=False), True),
    "another attribute": (change("aws_vpc.main", "update", imported=True, cidr_block="10.0.0.0/8"), False),
    "what an import needs": (change("aws_iam_role.database", "create"), True),
    "the key pair, whose public half nobody tells": (change("aws_key_pair.admin", "delete", "create"), True),
    "a node": (change(NODE, "create"), False),
    "a disk": (change("aws_ebs_volume.postgres", "create"), False),
    "the bucket": (change(BUCKET, "create"), False),
    "replace": (change("aws_vpc.main", "delete", "create", imported=True), False),
    "delete": (change("aws_vpc.main", "delete"), False),
    "forget": (change("aws_vpc.main", "forget"), False),
    "unknown": (change("aws_vpc.main", "teleport"), False),
}


@pytest.mark.parametrize("name", GATE)
async def test_an_adoption_imports_and_changes_nothing_else(name: str) -> None:
    changing, allowed = GATE[name]
    d, runner = adopting(LOST, text(changing), LEFT)
    if allowed:
        await adopt.adopt(d, d.app)
    else:
        with pytest.raises(PlanRefused, match="adoption refused"):
            await adopt.adopt(d, d.app)
    assert ("app: apply" in runner.names) == allowed


async def test_what_is_missing_is_listed_and_left_to_deploy() -> None:
    d, _ = adopting(LOST, IMPORTED, LOST, IMPORTED, LEFT)
    found = await adopt.look(d, d.app)
    assert "aws_subnet.public: missing; deploy creates it" in found.page()
    assert await adopt.adopt(d, d.app, found) == Adopted(1, ("aws_subnet.public",))


async def test_what_was_not_shown_is_not_imported() -> None:
    d, runner = adopting(LOST, IMPORTED, LOST, IMPORTED)
    found = await adopt.look(d, d.app)
    d.cloud.there[:] = [("aws_vpc.main", "vpc-2")]  # type: ignore[attr-defined]
    with pytest.raises(PlanRefused, match="have changed since they were shown"):
        await adopt.adopt(d, d.app, found)
    assert "app: apply" not in runner.names


@pytest.mark.parametrize(
    ("there", "fix"),
    [
        (True, "first run `quickdata adopt storage --state s3`, then `quickdata adopt app --state s3`"),
        (False, "`quickdata deploy --state s3` creates the bucket"),
    ],
)
async def test_the_app_is_not_adopted_before_storage_whose_state_it_reads(there: bool, fix: str) -> None:
    class Account(FreeCloud):
        async def owns(self, bucket: str) -> bool:
            return there

    runner = RecordingRunner()
    local = deployment(runner, Account())
    d = keep_states_in(local, S3(local.cloud, "ppr-tfstate"))
    with pytest.raises(StateLost, match=r"the app needs it|the app needs storage") as caught:
        await adopt.look(d, d.app)
    assert fix in caught.value.fix
    assert "app: plan" not in runner.names


async def test_of_two_with_the_same_tags_none_is_taken() -> None:
    d, runner = adopting(LOST, there=[("aws_vpc.main", "vpc-1"), ("aws_vpc.main", "vpc-2")])
    with pytest.raises(PlanRefused, match="vpc-1 and vpc-2"):
        await adopt.look(d, d.app)
    assert not [name for name in runner.names if "-target" in name]


@pytest.mark.parametrize(
    "left", [change("aws_vpc.main", "update", cidr_block="x"), change("aws_vpc.main", "create")]
)
async def test_an_adoption_after_which_a_plan_still_changes_what_was_imported_has_failed(left: Any) -> None:
    d, _ = adopting(LOST, IMPORTED, text(left))
    with pytest.raises(StateLost, match=r"aws_vpc\.main"):
        await adopt.adopt(d, d.app)


async def test_import_blocks_and_plans_are_gone_whatever_happens() -> None:
    d, runner = adopting(LOST)
    runner.answers["app: plan -target=aws_vpc.main"] = (1, "")
    with pytest.raises(PipelineError):
        await adopt.look(d, d.app)
    assert f"infrastructure/terraform/{IMPORTS}" in runner.removed
    assert [path for path in runner.removed if path.endswith(d.plan_file)]


async def test_where_nothing_is_lost_nothing_is_imported() -> None:
    d, runner = adopting(text(change("aws_subnet.public", "create")), LEFT)
    assert await adopt.adopt(d, d.app) == Adopted(0, ("aws_subnet.public",))
    assert "app: apply" not in runner.names


async def test_an_output_that_was_not_brought_back_is_told_when_all_else_was() -> None:
    whole = text(change("aws_vpc.main", "create"))
    left = json.dumps({"output_changes": {"nodes": {"actions": ["create"]}}})
    d, runner = adopting(whole, IMPORTED, left)
    with pytest.raises(StateLost, match="output nodes"):
        await adopt.adopt(d, d.app)
    assert not [name for name in runner.names if "-target" in name]
