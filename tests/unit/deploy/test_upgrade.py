"""Other images of the services that hold data: a verified backup comes first, and `plan` says so."""

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from pipeline.deploy.agreement import note_agreement
from pipeline.deploy.order import deploy
from pipeline.deploy.preview import preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.deploy.upgrade import IMAGES, PITR_BUILT, PITR_IMAGE
from pipeline.errors import PipelineError, SettingsError, VerifyFailed, most_telling
from tests.support.recording import (
    BACKUP,
    PROOF,
    RecordingRunner,
    app_state_json,
    deployment,
    plan_json,
    said_by_ansible,
    state_json,
)

NOW = {"db": "postgres:18.4-bookworm", "nocodb": "nocodb/nocodb:0.301.3", "adminer": "adminer:5.4.1"}
NEWER = {"db": "postgres:18.5-bookworm", "nocodb": "nocodb/nocodb:0.302.0", "adminer": "adminer:5.5.0"}
QUIET = {
    "storage: state": (0, state_json()),
    "storage: plan": (0, ""),
    "app: state": (0, app_state_json()),
    "app: plan": (0, ""),
}
BOTH = f"db: {NOW['db']} → {NEWER['db']}, nocodb: {NOW['nocodb']} → {NEWER['nocodb']}"
SAVED = ["ansible: backup.yml", "stop NocoDB", "backup", "verify: restore and compare", "ansible: nocodb.yml"]
STATS = json.dumps({"_event": "v2_playbook_on_stats", "stats": {"manager": {"ok": 3, "changed": 0}}})


def running(**images: str) -> tuple[int, str]:
    """What the manager lists when these images run."""
    listed = [{"Name": f"nocodb_{name}", "Image": image, "Replicas": "1/1"} for name, image in images.items()]
    return 0, said_by_ansible("\n".join(map(json.dumps, listed)))


def data(files: int) -> tuple[int, str]:
    event = {"_event": "v2_runner_on_ok", "task": {"name": "x"}, "hosts": {"database": {"matched": files}}}
    return 0, json.dumps(event)


def recorder(declared: dict[str, str] = NEWER, **answers: Any) -> RecordingRunner:
    """A deployment that was there before, whose images.yml names these images."""
    there = {"ansible: images that run": running(**NOW), "ansible: data of PostgreSQL": data(1)}
    runner = RecordingRunner({**QUIET, **there, **answers})
    runner.files[str(IMAGES)] = yaml.safe_dump({"images": declared})
    return runner


async def failing(runner: RecordingRunner) -> PipelineError:
    with pytest.raises((PipelineError, ExceptionGroup)) as caught:
        await deploy(deployment(runner))
    error = most_telling(caught.value)
    assert isinstance(error, PipelineError)
    return error


def part(runner: RecordingRunner) -> list[str]:
    """The steps from the first one after the Swarm's playbook on, without those that only ask."""
    names = runner.names[runner.names.index("ansible: swarm.yml") + 1 :]
    return [name for name in names if name not in ("ansible: images that run", "ansible: data of PostgreSQL")]


@pytest.mark.parametrize("service", ["db", "nocodb"])
async def test_another_image_of_what_holds_data_is_deployed_after_a_verified_backup(service: str) -> None:
    runner = recorder(NOW | {service: NEWER[service]})
    done = await deploy(deployment(runner))
    assert part(runner) == [*SAVED, "backup", "verify: restore and compare", "physical backup"]
    assert done.changed.keys() == {"swarm.yml", "backup.yml", "nocodb.yml"}


@pytest.mark.parametrize(
    "declared",
    [
        NOW,
        NOW | {"adminer": NEWER["adminer"]},
        NOW | {"db": f"docker.io/library/{NOW['db']}", "nocodb": f"docker.io/{NOW['nocodb']}"},
    ],
    ids=["the same", "of Adminer", "the same by another name"],
)
async def test_other_deployments_ask_once_and_save_nothing(declared: dict[str, str]) -> None:
    digested = {name: f"{image}@sha256:{'0' * 64}" for name, image in NOW.items()}
    runner = recorder(declared, **{"ansible: images that run": running(**digested)})
    await deploy(deployment(runner))
    assert "stop NocoDB" not in runner.names
    assert "ansible: data of PostgreSQL" not in runner.names
    assert runner.names.count("ansible: images that run") == 1


BUILT = f"{PITR_BUILT}18.4-bookworm-0123456789ab"
OWN = "registry.example.org/postgres-pgbackrest:7"


@pytest.mark.parametrize(
    ("runs", "declared", "saved"),
    [
        (BUILT, {}, False),
        (BUILT, {PITR_IMAGE: OWN}, False),
        (f"{OWN}@sha256:{'0' * 64}", {PITR_IMAGE: OWN}, False),
        (OWN, {}, True),
        (f"{PITR_BUILT}18.5-bookworm-0123456789ab", {}, True),
        (f"{PITR_BUILT}18.4-bookworm2-0123456789ab", {}, True),
    ],
    ids=["built", "to be pulled", "pulled", "no longer pulled", "of a newer one", "of another tag"],
)
async def test_an_image_with_pgbackrest_is_the_same_postgresql(
    runs: str, declared: dict[str, str], saved: bool
) -> None:
    runner = recorder(NOW, **{"ansible: images that run": running(**NOW | {"db": runs})})
    runner.files[str(IMAGES)] = yaml.safe_dump({"images": NOW, **declared})
    await deploy(deployment(runner))
    assert ("stop NocoDB" in runner.names) is saved


async def test_an_image_that_was_rolled_back_is_another_one_again() -> None:
    runner = recorder(NOW | {"nocodb": NEWER["nocodb"]})
    runner.files["/opt/quickdata/stack.yml"] = stack_file(NEWER)  # what the playbook wrote for the bad one
    await deploy(deployment(runner))
    assert part(runner)[:5] == SAVED


@pytest.mark.parametrize(
    "answers",
    [{"ansible: images that run": running()}, {"ansible: data of PostgreSQL": data(0)}],
    ids=["a first one", "one after a first image could not be pulled"],
)
async def test_a_deployment_without_data_demands_no_backup(answers: dict[str, Any]) -> None:
    runner = recorder(**answers)
    await deploy(deployment(runner))
    assert "stop NocoDB" not in runner.names
    assert part(runner)[:2] == ["ansible: nocodb.yml", "ansible: backup.yml"]


async def test_a_database_that_nocodb_never_used_has_nothing_to_compare() -> None:
    empty = (0, said_by_ansible(json.dumps(BACKUP | {"tables": 0})))
    runner = recorder(**{"ansible: images that run": running(db=NOW["db"]), "backup": empty})
    await deploy(deployment(runner))
    assert part(runner)[:3] == ["ansible: backup.yml", "backup", "ansible: nocodb.yml"]


@pytest.mark.parametrize(
    ("step", "answer", "kind"),
    [
        ("backup", (1, ""), PipelineError),
        (
            "verify: restore and compare",
            (0, said_by_ansible(json.dumps(PROOF | {"mismatches": 1}))),
            VerifyFailed,
        ),
    ],
)
async def test_without_a_verified_backup_no_image_is_deployed_and_nocodb_comes_back(
    step: str, answer: tuple[int, str], kind: type[PipelineError]
) -> None:
    runner = recorder(**{step: answer})
    error = await failing(runner)
    assert isinstance(error, kind)
    assert error.what.startswith(
        f"no verified backup, so these images were not deployed: {BOTH}; cause: {step}"
    )
    assert f"restore the old tags in {IMAGES}" in error.fix
    assert runner.names[-1] == "start NocoDB"
    assert "ansible: nocodb.yml" not in runner.names


async def test_nocodb_comes_back_when_its_new_image_does_not_run() -> None:
    runner = recorder(**{"ansible: nocodb.yml": (2, ""), "start NocoDB": (2, "")})
    error = await failing(runner)
    assert error.what.startswith("ansible: nocodb.yml")
    assert error.__notes__ == ["and afterwards: start NocoDB: failed with exit code 2"]
    assert runner.names[-1] == "start NocoDB"


async def test_a_database_that_was_saved_because_it_goes_is_not_saved_twice() -> None:
    doomed = plan_json(("aws_ebs_volume.postgres", "replace"))
    runner = recorder(**{"app: plan": (2, ""), "app: read plan": (0, doomed)})
    await deploy(deployment(runner), agree=note_agreement)
    assert runner.names.count("backup") == 2  # the other is the proof at the end


async def test_images_that_nobody_can_read_are_an_error_before_they_are_deployed() -> None:
    error = await failing(recorder({"db": NOW["db"]}))
    assert isinstance(error, SettingsError)
    assert error.what == f"{IMAGES} does not name the images of db and nocodb"


def stack_file(images: dict[str, str]) -> str:
    return yaml.safe_dump({"services": {name: {"image": image} for name, image in images.items()}})


@pytest.mark.parametrize(("deployed", "saves"), [(NOW, True), (NEWER, False), (None, False)])
async def test_local_nodes_compare_with_what_was_deployed_last(
    deployed: dict[str, str] | None, saves: bool
) -> None:
    runner = recorder()
    if deployed:
        runner.files["/nodes/manager/opt/quickdata/stack.yml"] = stack_file(deployed)
    hosts = {name: {"node_prefix": f"/nodes/{name}"} for name in ("manager", "database")}
    await deploy(replace(deployment(runner, real_nodes=False), hosts=hosts))
    assert runner.names.count("backup") == 1 + saves
    assert "ansible: images that run" not in runner.names


async def test_a_plan_says_that_a_verified_backup_is_taken_first() -> None:
    checks = {f"ansible: {name}.yml --check": (0, STATS) for name in ("swarm", "nocodb", "backup")}
    said = f"  ! a verified backup is taken first, with NocoDB stopped: {BOTH}"
    kept = SavedPlans(PurePosixPath("kept"))
    seen = await preview(deployment(recorder(**checks)), kept)
    assert said in seen.page().splitlines()
    assert seen.changes
    assert "a verified backup" not in (await preview(deployment(recorder(NOW, **checks)), kept)).page()
