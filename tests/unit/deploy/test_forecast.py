"""The forecast of a first deployment: shown with its costs, marked, never kept, and nothing of it stays."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.deploy.forecast import forecast, is_first
from pipeline.deploy.preview import preview
from pipeline.deploy.preview_document import document
from pipeline.deployment import keep_states_in
from pipeline.states.ready import OVERRIDE, RECORD
from pipeline.tofu.backends.s3 import S3
from pipeline.tofu.state import State
from tests.support.previews import KEPT, MANIFEST, NODE, QUIET, first, seen
from tests.support.recording import FreeCloud, RecordingRunner, deployment, state_json

REAL = "infrastructure/terraS3/terraform.tfstate"


def runner(**answers: Any) -> RecordingRunner:
    return RecordingRunner(QUIET | first() | answers)


async def test_a_first_plan_shows_the_app_and_its_costs_as_a_forecast() -> None:
    page = (await seen(first())).page()
    plans, costs = page.split("what costs money:")
    assert "app: deferred: the bucket does not exist yet" in plans
    assert "  forecast, as if the bucket existed: 1 to create; deploy plans again" in plans
    assert f"  + create {NODE}" in plans
    assert f"  + {NODE}: instance t3.medium (forecast)" in costs
    assert "app: not known yet" not in costs


async def test_a_forecast_is_not_kept_counted_or_recorded_as_a_plan() -> None:
    recorder = runner()
    d = deployment(recorder)
    found = await preview(d, KEPT)
    assert found.counts() == {"create": 1, "update": 0, "delete": 0}
    kept = json.loads(recorder.files[MANIFEST])
    assert (list(kept["plans"]), kept["deferred"]) == (["storage"], ["app"])
    assert not any(NODE in str(each) for each in d.report.plans)


async def test_a_forecast_reads_a_made_up_state_in_its_own_folder_and_removes_it() -> None:
    recorder = runner()
    await preview(deployment(recorder), KEPT)
    [step] = [each for each in recorder.steps if each.name == "app: forecast"]
    made_up = json.loads(step.env["TF_VAR_storage_config"])["path"]
    assert step.env["TF_VAR_storage_backend"] == "local"
    assert made_up.startswith(".terraform/forecast-") and made_up.endswith("/terraform.tfstate")
    state = json.loads(recorder.files[f"{step.workdir}/{made_up}"])
    assert State(outputs={name: each["value"] for name, each in state["outputs"].items()}).bucket
    assert REAL not in recorder.files
    [removed] = [each for each in recorder.steps if each.command[0] == "rm"]
    assert removed.command == ("rm", "-rf", str((step.workdir / made_up).parent))
    assert recorder.names.index(removed.name) > recorder.names.index("app: read plan")


async def test_a_forecast_takes_no_lock_and_its_file_is_in_the_folder_that_goes() -> None:
    recorder = runner()
    await preview(deployment(recorder), KEPT)
    [step] = [each for each in recorder.steps if each.name == "app: forecast"]
    assert "-lock=false" in step.command
    [out] = [word for word in step.command if word.startswith("-out=")]
    assert out.startswith("-out=.terraform/forecast-")


async def test_a_forecast_that_fails_is_told_and_the_plan_of_storage_is_good_all_the_same() -> None:
    recorder = runner(**{"app: forecast": (1, "")})
    found = await preview(deployment(recorder), KEPT)
    assert "; its forecast failed: " in found.deferred["app"]
    assert MANIFEST in recorder.files
    assert [each.command[0] for each in recorder.steps].count("rm") == 1
    assert "app: not known yet: deferred" in found.page()


@pytest.mark.parametrize("stack", ["storage", "app"])
async def test_what_was_deployed_once_gets_no_forecast(stack: str) -> None:
    found = await seen(first() | {f"{stack}: state": (0, state_json(NODE))})
    assert not found.forecasts


class NoPlace(S3):
    async def exists(self) -> bool:
        return False


async def test_both_stacks_are_foreseen_where_the_place_of_the_states_does_not_exist() -> None:
    recorder = runner()
    d = deployment(recorder)
    d = keep_states_in(d, NoPlace(FreeCloud(), "states"))  # type: ignore[arg-type]
    assert await is_first(d, {"storage": State(), "app": State()})
    assert (await forecast(d, d.app)).created == (NODE,)
    [init] = [each for each in recorder.steps if each.name == "app: init"]
    assert "-backend=false" in init.command
    [step] = [each for each in recorder.steps if each.name == "app: forecast"]
    assert step.env["TF_VAR_storage_backend"] == "local"


@pytest.mark.parametrize(
    "file",
    [
        (OVERRIDE, 'terraform { backend "s3" {} }'),
        (str(RECORD), json.dumps({"backend": {"type": "s3"}})),
        ("terraform.tfstate", state_json()),
    ],
)
async def test_a_folder_that_knows_another_place_gets_no_forecast(file: tuple[str, str]) -> None:
    recorder = runner()
    d = deployment(recorder)
    d = replace(d, backend=NoPlace(FreeCloud(), "states"))  # type: ignore[arg-type]
    recorder.files[str(d.app.workdir / file[0])] = file[1]
    assert not await is_first(d, {"storage": State(), "app": State()})


async def test_the_document_has_the_forecast_and_claims_nothing_of_the_plan() -> None:
    storage, app = document(await seen(first()))["stacks"]
    assert storage["forecast"] is None
    assert (app["pending"], app["counts"], app["resources"], app["costs"]) == (None, None, [], [])
    cost = {"address": NODE, "what": "instance t3.medium"}
    assert app["forecast"] == {"resources": [NODE], "costs": [cost]}
