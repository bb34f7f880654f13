"""A drill in containers: the toolbox has what it needs, secrets are the caller's; without an engine."""

from datetime import UTC, datetime
from typing import Any

import pytest
from dagger import dag

from pipeline.backups.catalogue import Backup
from pipeline.backups.site import Server, Site
from pipeline.containers import drill, services, toolbox
from pipeline.containers.call import DaggerCall
from pipeline.containers.toolbox import ENVIRONMENT, Toolbox, ToolboxSources
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.container import ContainerRunner
from pipeline.servers.postgres import binaries
from tests.support.calls import configured
from tests.support.dagger_calls import given
from tests.support.engine import Engine


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "START_LIMIT", 5.0)


def prepared_toolbox(engine: Engine) -> Toolbox:
    engine.lay_down()
    engine.program(str(binaries() / "pg_isready"), "exit 0")
    container = dag.container().with_env_variable("PATH", ENVIRONMENT["PATH"])
    return Toolbox(dag, container, ToolboxSources(), dag.directory())


async def drilled(engine: Engine) -> tuple[Site, dict[str, Any]]:
    """Drill in a toolbox; return the site, and the caller's own secrets by value."""
    box = prepared_toolbox(engine)
    known = {"of-aws": dag.set_secret("aws_secret_access_key", "of-aws")}

    def holds(server: Server) -> dict[str, str]:
        return {"HELD_AWS_SECRET_ACCESS_KEY": "of-aws", "HELD_PGPASSWORD": server.password}

    async with drill.drilling(box, known, holds, Progress()) as site:
        return site, known


async def test_the_verb_drills_in_containers(
    engine: Engine, key: str, request: pytest.FixtureRequest
) -> None:
    """No PostgreSQL is installed in the module's own container, and no process may start there."""
    box = prepared_toolbox(engine)
    module = configured(request.getfixturevalue("pipeline"), given("drill", ssh_key=key))
    call = DaggerCall("drill", module, {}, Progress(), Report("drill", "aws"), _toolbox=box)
    backup = Backup("20260101T000000Z-0123abcd", True, datetime.now(UTC))
    async with call.site(lambda _: {}, backup, Progress()) as site:
        assert isinstance(site.runner, ContainerRunner)
    assert len(engine.started) == len(engine.stopped) == 1


def installed(engine: Engine) -> list[list[str]]:
    execs = (f.args["args"] for chain in engine.queries for f in chain if f.name == "withExec")
    return [words for words in execs if "apt" in str(words)]


async def test_a_drill_installs_nothing(engine: Engine) -> None:
    site, _ = await drilled(engine)
    assert installed(engine) == []
    assert site.python == f"{toolbox.VENV}/bin/python"


async def test_a_drill_holds_the_callers_own_secrets(engine: Engine) -> None:
    site, known = await drilled(engine)
    held = site.runner._secrets  # type: ignore[attr-defined]
    assert held["HELD_AWS_SECRET_ACCESS_KEY"] is known["of-aws"]
    assert site.server.password not in engine.words
