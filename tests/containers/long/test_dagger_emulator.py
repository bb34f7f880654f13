"""`dagger call deploy --emulator`, whole: its steps really run, in the place of an engine's containers."""

import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from dagger import dag

from pipeline.containers import deployment as contained
from pipeline.containers import emulator as move_to_emulator
from pipeline.containers import workspace as volume
from pipeline.containers.call import DaggerCall
from pipeline.containers.parameters import PLANS
from pipeline.containers.toolbox import TOFU
from pipeline.deployment import DATABASE
from pipeline.machine.repository import REPOSITORY
from pipeline.module import Pipeline
from pipeline.rehearsal.on_local_nodes import NOT_PROVEN
from pipeline.rehearsal.workspace import REAL
from pipeline.runners.container import ContainerRunner
from pipeline.servers.localstack import LocalStack
from pipeline.servers.postgres import Postgres
from pipeline.tofu import binary as tools
from tests.support.calls import attempt, options
from tests.support.clouds import cloud_of
from tests.support.engine import Engine, refuse_processes
from tests.support.ssh_keys import lay_key, require_keygen

BUCKET = "quickdata-pg-backups-storage-bucket-tried"
SECRETS = {"aws_access_key_id": "test", "aws_secret_access_key": "of-nobody", "vault_password": "sesame"}


@pytest.fixture
def pipeline(engine: Engine, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The module in a container's place: a workspace, tofu, a database's service."""
    found = tools.find_tofu()
    assert found, "neither tofu nor terraform is on PATH"
    environment = tools.provider_environment(tmp_path)
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in ("PATH", "HOME")})
    shutil.copytree(REPOSITORY / "infrastructure", tmp_path / "source", ignore=shutil.ignore_patterns(*REAL))
    engine.places[TOFU] = str(found)
    workspace = PurePosixPath(tmp_path / "workspace")
    Path(workspace).mkdir()
    for module in (volume, move_to_emulator):
        monkeypatch.setattr(module, "WORKSPACE", workspace)
    monkeypatch.setattr(ContainerRunner.__init__, "__defaults__", (workspace,))
    monkeypatch.setattr(contained, "tofu_environment", lambda _: environment)

    @asynccontextmanager
    async def beside(*_: Any) -> AsyncIterator[Postgres]:
        yield postgres

    monkeypatch.setattr(move_to_emulator, "postgres", beside)
    folder = dag.directory()
    return Pipeline(infrastructure=folder, locked=folder, package=folder, source=folder)


async def succeed(pipeline: Pipeline, name: str, given: dict[str, Any]) -> DaggerCall:
    """Call a verb that has to end well."""
    done = await attempt(pipeline, name, given)
    assert done.error is None, str(done.error)
    return done


def list_of(server: LocalStack, bucket: str, ending: str) -> list[str]:
    """Return the keys that a bucket has, of those with an ending."""
    found = cloud_of(server).client("s3").list_objects_v2(Bucket=bucket)
    return [each["Key"] for each in found["Contents"] if each["Key"].endswith(ending)]


def litter(source: Path, text: str) -> None:
    """Lay down what runs leave in a checkout: it is no part of the code that a plan is made for."""
    for name in ("terraform/.terraform/x", "terraform/old.tfplan", "ansible/inventory.yml"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)


def hand_over_plan(base: Path) -> None:
    """Do what `-o plan` and then `--plan plan` do; the checkout is not the same any more."""
    plan = base / "source" / PLANS.name
    shutil.rmtree(plan, ignore_errors=True)
    shutil.copytree(base / "kept/infrastructure" / PLANS.name, plan)
    litter(base / "source", "second")


def forget_database(engine: Engine, postgres: Postgres) -> None:
    """Do what the end of a call does to the database that it had as a service."""
    with engine.outside():
        postgres.psql("drop database nocodb_db with (force)")


@pytest.mark.timeout(2400)
async def test_the_same_options_deploy_to_an_emulator_with_states_in_its_s3_and_never_replay(
    pipeline: Pipeline,
    engine: Engine,
    localstack: LocalStack,
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_keygen()
    lay_key(tmp_path / "key")
    address = localstack.endpoint.removeprefix("http://127.0.0.1:")
    service = dag.container().with_exposed_port(int(address)).as_service()
    secrets = SECRETS | {"ssh_key": (tmp_path / "key").read_text()}
    given = options("deploy") | {name: dag.set_secret(name, value) for name, value in secrets.items()}
    given |= {"bucket_suffix": "tried", "admin_cidr": "203.0.113.7/32", "emulator": service}
    refuse_processes(engine, monkeypatch)
    planned = {name: value for name, value in given.items() if name != "plan"}
    litter(tmp_path / "source", "first")
    shown = await succeed(pipeline, "plan", planned)
    assert "app: not known yet: deferred" in shown.summary()

    hand_over_plan(tmp_path)
    forget_database(engine, postgres)
    first = await succeed(pipeline, "deploy", given | {"plan": dag.directory()})
    assert first.report.document()["target"] == "localstack"
    assert "0 tables differ" in first.summary()
    assert set(NOT_PROVEN) <= set(first.report.not_proven)
    assert list_of(localstack, f"{BUCKET}-tfstate", ".tfstate") == [
        "app/terraform.tfstate",
        "storage/terraform.tfstate",
    ]
    assert list((tmp_path / "workspace").iterdir()) == []

    shutil.rmtree(tmp_path / "source" / PLANS.name)
    forget_database(engine, postgres)
    second = await succeed(pipeline, "deploy", given)
    plans = [step["summary"] for step in second.report.steps if step["name"].endswith(": plan")]
    assert plans == ["0 to add, 0 to change, 0 to destroy"] * 2
    names = [[step["name"] for step in run.report.steps] for run in (first, second)]
    assert set(names[1]) <= set(names[0])
    assert len(list_of(localstack, BUCKET, "/manifest.json")) == 2, "the second backup was replayed"
    assert list((tmp_path / "workspace").iterdir()) == []

    forget_database(engine, postgres)
    elsewhere = {"admin_cidr": "203.0.113.8/32"}
    shown = await succeed(pipeline, "plan", planned | elsewhere)

    hand_over_plan(tmp_path)
    forget_database(engine, postgres)
    third = await succeed(pipeline, "deploy", given | elsewhere | {"plan": dag.directory()})
    assert [plan["name"] for plan in third.report.plans] == ["app: saved plan"]
    assert third.report.plans[0]["changes"]
    account = {name: value for name, value in planned.items() if name != "admin_cidr"}
    listed = await attempt(pipeline, "backups", account | {"as_json": True})
    assert [each["complete"] for each in json.loads(listed.summary())] == [True] * 3
    forget_database(engine, postgres)
    unlocked = await attempt(pipeline, "unlock", planned | {"stack": "app"})
    assert "✓ app: nobody holds a lock" in unlocked.summary()
    forget_database(engine, postgres)
    await succeed(pipeline, "status", planned | elsewhere)
    forget_database(engine, postgres)
    await succeed(pipeline, "destroy", planned | elsewhere | {"without_backup": DATABASE, "yes": True})
    assert list_of(localstack, BUCKET, "/manifest.json"), "a backup went with the app"
    assert not [value for value in secrets.values() if value in engine.words and value != "test"]
