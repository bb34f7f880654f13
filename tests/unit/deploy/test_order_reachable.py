"""The inventory by which every verb reaches the nodes is the one that the app's outputs mean now."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from types import SimpleNamespace

import pytest
from anyio import Lock

from pipeline.ansible import inventory
from pipeline.ansible.playbooks import INVENTORY
from pipeline.backups import catalogue
from pipeline.deploy import order as deploy
from pipeline.deploy import status
from pipeline.deploy.agreement import note_agreement
from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import StateLost, ToolError
from pipeline.machine.repository import REPOSITORY
from pipeline.states.ready import CODE, LOCK, OVERRIDE, RECORD
from pipeline.steps.step import Step
from pipeline.tofu.backends.base import override_text
from pipeline.tofu.backends.s3 import S3
from pipeline.tofu.binary import PROVIDER
from pipeline.tofu.binary import PROVIDER_VERSION as VERSION
from pipeline.tofu.stack import STACKS
from tests.support.recording import (
    BACKUP,
    NODES,
    OUTPUTS,
    PROOF,
    FreeCloud,
    RecordingRunner,
    deployment,
    outputs,
    plan_json,
    said_by_ansible,
)
from tests.support.verbs import do

FRESH = inventory.render(OUTPUTS, {}, {})
STALE = FRESH.replace("198.51.100.2", "192.0.2.9")
RUNNING = '{"Name": "nocodb_db", "Replicas": "1/1", "Image": "postgres:18"}'
RESTORED = {"rows": 2, "kept": "nocodb_db_before_x"}
SAID = f"{INVENTORY} differed from the app's outputs, so it was written again"


async def look_at_services(d: Deployment) -> object:
    return await status._services(d, Lock())


async def replace_the_database(d: Deployment) -> object:
    return await deploy.deploy(d, agree=note_agreement)


VERBS: dict[str, Callable[[Deployment], Awaitable[object]]] = {
    "backup": partial(do, "backup"),
    "verify": partial(do, "verify"),
    "restore": partial(do, "restore"),
    "destroy": partial(do, "destroy"),
    "status": look_at_services,
    "deploy": replace_the_database,
}


@pytest.fixture(autouse=True)
def one_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bucket, which is not what these tests are about, have a backup to restore."""

    async def listed(*_: object) -> list[object]:
        return [SimpleNamespace(id="3f2a9c1d")]

    monkeypatch.setattr(catalogue, "list_backups", listed)
    monkeypatch.setattr(catalogue, "choose", lambda backups, *_: backups[0])
    monkeypatch.setattr(catalogue, "table", lambda *_: ["3f2a9c1d"])


def runner(inventory_there: str | None, found: dict[str, object] | None = None) -> RecordingRunner:
    """Return a deployed app, as a runner answers for it, whose plan replaces the database's node."""
    changes = plan_json(('aws_instance.node["database"]', "replace"))
    made = RecordingRunner(
        {
            "app: outputs": (0, outputs(OUTPUTS if found is None else found)),
            "app: read plan": (0, changes),
            "backup": (0, said_by_ansible(json.dumps(BACKUP | {"seconds": 1}))),
            "verify: restore and compare": (0, said_by_ansible(json.dumps(PROOF | {"seconds": 1}))),
            "restore": (0, said_by_ansible(json.dumps(RESTORED))),
            "status: services": (0, said_by_ansible(RUNNING)),
        }
    )
    if inventory_there is not None:
        made.files[str(INVENTORY)] = inventory_there
    return made


def used(made: RecordingRunner) -> list[str]:
    """Note from now on which inventory each step of Ansible finds."""
    seen: list[str] = []
    plain = made.run

    async def run(step: Step) -> object:
        if step.command[0].startswith("ansible") and not step.name.startswith("check: "):
            seen.append(made.files.get(str(INVENTORY), ""))
        return await plain(step)

    made.run = run  # type: ignore[method-assign, assignment]
    return seen


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("there", [STALE, FRESH, None])
async def test_no_verb_reaches_a_node_by_an_old_inventory(
    name: str, there: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    made = runner(there)
    seen = used(made)
    await VERBS[name](deployment(made))
    assert seen
    assert set(seen) == {FRESH}
    assert capsys.readouterr().err.count(SAID) == (there == STALE)


@pytest.mark.parametrize("name", [name for name in VERBS if name != "deploy"])
async def test_where_no_app_is_deployed_that_is_said_and_no_node_is_asked(name: str) -> None:
    made = runner(STALE, {})
    seen = used(made)
    with pytest.raises(ToolError, match="no database and no manager node: the app is not deployed") as caught:
        await VERBS[name](deployment(made))
    assert caught.value.fix == "`quickdata deploy` creates the missing nodes"
    assert seen == []
    assert made.files[str(INVENTORY)] == STALE


@pytest.mark.parametrize("name", [name for name in VERBS if name != "deploy"])
async def test_where_nodes_exist_that_the_state_does_not_know_its_loss_is_said(name: str) -> None:
    cloud = FreeCloud(there=[('aws_instance.node["manager"]', "i-1"), ("aws_vpc.main", "vpc-1")])
    made = runner(STALE, {})
    with pytest.raises(StateLost, match=r'but AWS has aws_instance\.node\["manager"\] \(i-1\)') as caught:
        await VERBS[name](deployment(made, cloud))
    assert "`quickdata adopt app`" in caught.value.fix


async def test_an_app_whose_nodes_are_half_gone_can_still_be_destroyed_without_a_backup() -> None:
    made = runner(STALE, {"nodes": {"manager": NODES["manager"]}})
    await do("destroy", deployment(made), "nocodb_db")
    assert "app: apply" in made.names


def initialized(made: RecordingRunner, version: str = VERSION) -> None:
    """Let the app's folder be as `init` leaves it, when the code asked for this version of the provider."""
    code = REPOSITORY / STACKS["app"] / CODE
    made.files[str(STACKS["app"] / CODE)] = code.read_text()
    provider = f'provider "{PROVIDER}" {{\n  version     = "{version}"\n  constraints = "{version}"\n'
    made.files[str(STACKS["app"] / LOCK)] = f'{provider}  hashes = [\n    "h1:x",\n  ]\n}}\n'


async def test_a_folder_that_is_ready_is_asked_once_and_not_made_ready_again() -> None:
    made = runner(FRESH)
    initialized(made)
    await deploy.refresh_inventory(deployment(made))
    assert made.names == ["app: outputs"]


async def test_a_folder_that_was_made_ready_for_another_provider_is_made_ready_for_this_one() -> None:
    made = runner(FRESH)
    initialized(made, "5.99.1")
    await deploy.refresh_inventory(deployment(made))
    assert made.names == ["app: init", "app: outputs"]
    assert "-upgrade" in made.steps[0].command, "the tool refuses a lock with another version"


async def test_a_folder_without_a_lock_is_made_ready_without_an_upgrade() -> None:
    made = runner(FRESH)
    initialized(made)
    del made.files[str(STACKS["app"] / LOCK)]
    await deploy.refresh_inventory(deployment(made))
    assert made.names == ["app: init", "app: outputs"]
    assert "-upgrade" not in made.steps[0].command


@pytest.mark.parametrize(
    ("written", "recorded", "steps"),
    [
        ("ppr", "ppr", ["outputs"]),
        ("other", "other", ["init", "outputs"]),
        ("other", "ppr", ["init", "outputs"]),  # an `init` for the other one has failed
        ("ppr", "other", ["init", "outputs"]),  # an `init` for this one has failed
    ],
)
async def test_a_folder_that_was_made_ready_for_another_bucket_is_made_ready_for_this_one(
    written: str, recorded: str, steps: list[str]
) -> None:
    """Its outputs would be those of another deployment, and its nodes too."""
    made = runner(STALE)
    local = deployment(made)
    d = keep_states_in(local, S3(local.cloud, "ppr-tfstate"))
    places = {name: S3(local.cloud, f"{name}-tfstate") for name in ("ppr", "other")}
    record = {"backend": {"type": "s3", "config": places[recorded].block("app")}}
    initialized(made)
    made.files[str(d.app.workdir / OVERRIDE)] = override_text(places[written], "app") or ""
    made.files[str(d.app.workdir / RECORD)] = json.dumps(record)
    await deploy.refresh_inventory(d)
    assert made.names == [f"app: {step}" for step in steps]
    assert made.files[str(INVENTORY)] == FRESH


async def test_a_folder_that_only_seemed_ready_is_made_ready() -> None:
    answers = [(1, "Backend initialization required"), (0, outputs(OUTPUTS))]
    made = runner(None)
    initialized(made)
    made.answers["app: outputs"] = lambda _step: answers.pop(0)
    await deploy.refresh_inventory(deployment(made))
    assert made.names == ["app: outputs", "app: init", "app: outputs"]
    assert made.files[str(INVENTORY)] == FRESH
