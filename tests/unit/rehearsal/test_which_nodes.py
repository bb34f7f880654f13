"""Which nodes a rehearsal chooses, and what it says before it starts them."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pipeline.errors import ToolError
from pipeline.rehearsal import physical, which_nodes
from pipeline.rehearsal.which_nodes import AUTO, DOCKER, rehearse_on
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report

OWN = "registry.example.org/postgres-pgbackrest:18.4-bookworm"
NO_PACKAGE = ToolError("docker run failed", "x", "W: y\nE: Unable to locate package pgbackrest")
Choose = Callable[..., Any]


async def nothing(*_: object) -> None:
    return


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Choose nodes on a machine whose Docker runs, and return the report. No node starts."""

    async def choose(
        kind: str, own: str = "", off: bool = False, ready: bool = False, fails: str = ""
    ) -> Report:
        async def docker(*words: str) -> str:
            if words[0] == fails:
                raise NO_PACKAGE
            return "unix:///run/docker.sock"

        async def inspect(names: Iterable[str]) -> dict[str, Any]:
            return {name: {} for name in names if (own and name == own and ready) or "pgbackrest" not in name}

        async def find_image(db: str) -> str:
            return (own or "ready") if ready else db

        for module in (which_nodes, physical):
            monkeypatch.setattr(module, "docker", docker)
        monkeypatch.setattr(which_nodes.shutil, "which", lambda _: "/usr/bin/there")
        monkeypatch.setattr(which_nodes, "inspect_images", inspect)
        for name in ("rehearse", "_on_swarm", "remove_dead_ones"):
            monkeypatch.setattr(which_nodes, name, nothing)
        monkeypatch.setattr(physical, "are_off", lambda: off)
        monkeypatch.setattr(physical, "named_image", lambda: "" if off else own)
        monkeypatch.setattr(physical, "find_image", find_image)
        report = Report("rehearse", "localstack")
        await rehearse_on(kind, Progress(), report, "rehearsal")
        return report

    return choose


async def test_nodes_in_docker_are_not_chosen_where_their_image_cannot_be_built(choose: Choose) -> None:
    said = (await choose(AUTO, fails="run")).facts["nodes"]
    assert said.startswith("local, directories on this machine: the package of pgBackRest cannot be")
    assert "(E: Unable to locate package pgbackrest)" in said
    with pytest.raises(ToolError, match="no nodes in Docker: the package of pgBackRest") as caught:
        await choose(DOCKER, fails="run")
    assert "--nodes local" in caught.value.fix


async def test_nodes_in_docker_are_not_chosen_where_their_image_cannot_be_pulled(choose: Choose) -> None:
    said = (await choose(AUTO, own=OWN, fails="pull")).facts["nodes"]
    assert said.startswith(f"local, directories on this machine: the image {OWN} is missing and cannot be")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"off": True, "fails": "run"},
        {"ready": True, "fails": "run"},
        {"own": OWN, "ready": True, "fails": "pull"},
        {"own": OWN, "off": True, "fails": "pull"},
    ],
    ids=[
        "it can be built",
        "none is needed",
        "it is here",
        "the named one is here",
        "the named one is not needed",
    ],
)
async def test_nodes_in_docker_are_chosen_where_nothing_is_missing(
    choose: Choose, given: dict[str, Any]
) -> None:
    assert (await choose(AUTO, **given)).facts["nodes"].startswith("docker, containers with a Swarm")


async def test_proofs_that_need_physical_backups_are_listed_as_not_proven_where_they_are_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def none() -> list[str]:
        return []

    def broken(*_: object) -> None:
        raise ToolError("the nodes do not start", "x")

    monkeypatch.setattr(physical, "are_off", lambda: True)
    monkeypatch.setattr(which_nodes, "find_stand_ins", none)
    monkeypatch.setattr(which_nodes, "swarm", broken)
    report = Report("rehearse", "localstack")
    with pytest.raises(ToolError):
        await which_nodes._on_swarm(Progress(), report, "rehearsal")
    why = "(`quickdata_pitr: false` in infrastructure/ansible/group_vars/all/main.yml)"
    for proof in ("recovery", "second recovery", "physical drill"):
        assert [each for each in report.not_proven if proof == each.partition(" (")[0]] == [f"{proof} {why}"]
    assert "not reached: damage and restore (the nodes do not start)" in report.not_proven
    assert not any("not reached: recovery" in each for each in report.not_proven)
