"""A rehearsal in containers: servers as services, an own volume, nothing left; without an engine."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import dagger
import pytest
from dagger import dag
from dagger.client._core import Field

from pipeline.backups.catalogue import Backup
from pipeline.containers import services
from pipeline.containers.rehearsal import STATE_FILES, containers
from pipeline.containers.toolbox import ENVIRONMENT, Toolbox, ToolboxSources
from pipeline.containers.verbs import explain
from pipeline.errors import PipelineError, ToolError
from pipeline.rehearsal.workspace import REAL
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners import cleanup
from pipeline.runners.container import ContainerRunner
from pipeline.servers.postgres import binaries
from pipeline.steps.step import Step
from tests.support.engine import Engine, query_error, refuse_processes

READY = str(binaries() / "pg_isready")


@pytest.fixture(autouse=True)
def place(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that answer at once, and the folders that an image or a volume would be."""
    refuse_processes(engine, monkeypatch)
    monkeypatch.setattr(services, "START_LIMIT", 5.0)
    monkeypatch.setattr(services, "answers", lambda _: True)
    engine.lay_down()
    engine.program(READY, "exit 0")


class Kept:
    """What a rehearsal leaves to its caller."""

    def __init__(self) -> None:
        self.found: list[dagger.Directory] = []

    def __call__(self, directory: dagger.Directory) -> None:
        self.found.append(directory)


def rehearsing(keep: Callable[[dagger.Directory], None] | None = None) -> Any:
    toolbox = dag.container().with_env_variable("PATH", ENVIRONMENT["PATH"])
    box = Toolbox(dag, toolbox, ToolboxSources(), dag.directory())
    return containers(box, Progress(), Report("rehearse", "localstack"), keep or Kept())


def named(chain: list[Field], name: str) -> list[dict[str, Any]]:
    return [each.args for each in chain if each.name == name]


def variables(chain: list[Field]) -> dict[str, str]:
    return {args["name"]: args["value"] for args in named(chain, "withEnvVariable")}


async def test_both_servers_are_reached_by_ip_address(engine: Engine) -> None:
    """With a name, S3 clients would put the bucket's before it."""
    async with rehearsing() as (around, _):
        assert around.aws.endpoint == "http://127.0.0.1:4566"
        assert (around.database.host, around.database.port) == ("127.0.0.1", 5432)


async def test_two_runs_share_no_server_and_no_volume(engine: Engine) -> None:
    """The engine starts one service for all that ask for the same one."""
    for _ in range(2):
        async with rehearsing():
            pass
    assert len(engine.started) == 4
    assert len({variables(chain)["RUN"] for chain in engine.started}) == 2
    mounts = [str(args) for chain in engine.queries for args in named(chain, "withMountedCache")]
    volumes = {args["key"] for chain in engine.queries for args in named(chain, "cacheVolume")}
    assert mounts
    assert len(volumes) == 2
    assert all(each.startswith("quickdata-") for each in volumes)


async def test_a_databases_password_is_plain_nowhere(engine: Engine) -> None:
    async with rehearsing() as (around, bench):
        code = "import os; print(len(os.environ['PGPASSWORD']))"
        length = await bench.runner.run(Step("probe", ("python", "-c", code), secrets=("PGPASSWORD",)))
        assert int(length.stdout) == len(around.database.password)
    (chain,) = [chain for chain in engine.started if named(chain, "withExposedPort")[0]["port"] == 5432]
    assert [args["name"] for args in named(chain, "withSecretVariable")] == ["PGPASSWORD"]
    assert around.database.password in engine.secrets.values()
    assert not [value for value in engine.secrets.values() if value in engine.words]


class Broke(Exception):  # noqa: N818 - says what happened
    """Something in the block."""


@pytest.mark.parametrize("ending", [None, Broke()])
async def test_both_servers_are_stopped_whatever_ends_the_block(
    engine: Engine, ending: Exception | None
) -> None:
    try:
        async with rehearsing():
            assert engine.stopped == []
            if ending:
                raise ending
    except Broke:
        pass
    ports = [named(chain, "withExposedPort")[0]["port"] for chain in engine.stopped]
    assert sorted(ports) == [4566, 5432]
    assert [named(chain, "stop") for chain in engine.stopped] == [[{"kill": True}]] * 2


async def test_a_server_that_did_not_start_leaves_no_other_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "START_LIMIT", 0.5)
    engine.program(READY, "exit 1")
    with pytest.raises(ToolError, match="PostgreSQL was not ready"):
        async with rehearsing():
            pass
    assert len(engine.stopped) == len(engine.started) == 2


async def test_a_server_that_ended_is_told_instead_of_what_then_failed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ToolError, match="PostgreSQL ended too early"):
        async with rehearsing():
            engine.program(READY, "exit 2")
            raise Broke
    engine.program(READY, "exit 0")
    alive = [True]
    monkeypatch.setattr(services, "answers", lambda _: bool(alive))
    with pytest.raises(ToolError, match="LocalStack ended too early"):
        async with rehearsing():
            alive.clear()
            raise Broke


async def test_nothing_real_of_a_checkout_comes_along(engine: Engine) -> None:
    async with rehearsing():
        pass
    excluded = [args["exclude"] for chain in engine.queries for args in named(chain, "filter")]
    assert excluded
    assert all({f"**/{pattern}" for pattern in REAL} == set(each) for each in excluded)
    sources = [args for chain in engine.queries for args in named(chain, "withMountedDirectory")]
    assert sources
    assert all("filter" in str(args["source"]) for args in sources)


@pytest.mark.parametrize("ending", [None, Broke()])
async def test_the_states_are_kept_and_the_volume_is_empty_afterwards(
    engine: Engine, ending: Exception | None
) -> None:
    keep = Kept()
    try:
        async with rehearsing(keep) as (_, bench):
            await bench.runner.write(STATE_FILES[0], "{}", 0o600)
            if ending:
                raise ending
    except Broke:
        pass
    (kept,) = keep.found
    copied = [args["args"] for args in named(list(kept._ctx.selections), "withExec")]
    assert ["cp", "-r", "--parents", str(STATE_FILES[0]), "/kept"] in copied
    assert list((engine.root / "workspace").iterdir()) == []


async def test_a_cleaning_that_fails_does_not_hide_what_went_wrong(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: Any, **__: Any) -> Any:
        raise query_error("connection to the engine was lost")

    monkeypatch.setattr(dagger.Service, "stop", lost)

    async def full(*_: Any) -> Any:
        raise ToolError("nothing can be kept", "-")

    monkeypatch.setattr(ContainerRunner, "keep", full)
    with pytest.raises(PipelineError, match="storage: refused") as caught:
        async with rehearsing():
            raise PipelineError("storage: refused", "fix it")
    shown = str(explain("rehearse", caught.value, {}))
    assert shown.startswith("storage: refused\n  → fix it\n")
    assert "nothing can be kept" in shown
    assert "localstack stopped: the Dagger engine says: connection to the engine was lost" in shown


async def test_a_cleaning_that_fails_alone_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: Any, **__: Any) -> Any:
        raise query_error("connection to the engine was lost")

    monkeypatch.setattr(dagger.Service, "stop", lost)
    with pytest.raises(ToolError, match="stopped: the Dagger engine says: connection"):
        async with rehearsing():
            pass


async def test_a_call_that_is_cancelled_is_cleaned_up_to_the_end() -> None:
    done: list[str] = []

    async def clean() -> None:
        await anyio.sleep(0.01)
        done.append("cleaned")

    with anyio.CancelScope() as scope:
        async with cleanup.afterwards(clean):
            scope.cancel()
            await anyio.sleep_forever()
    assert done == ["cleaned"]


def test_the_states_are_those_of_the_two_stacks() -> None:
    folders = {Path(path).parent for path in STATE_FILES}
    assert folders == {Path("infrastructure/terraS3"), Path("infrastructure/terraform")}


async def test_a_rehearsals_drill_starts_nothing_in_the_modules_own_container(engine: Engine) -> None:
    """No PostgreSQL is installed there: a server is a service, the restore an exec."""
    engine.program("which", "exit 0")
    backup = Backup("20260101T000000Z-0123abcd", True, datetime.now(UTC))
    async with rehearsing() as (around, _):
        assert around.site
        async with around.site(lambda _: {}, backup, Progress()) as site:
            assert isinstance(site.runner, ContainerRunner)
            assert len(engine.started) == 3
    assert len(engine.stopped) == 3
