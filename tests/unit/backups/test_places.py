"""Which server a drill gets: a named one, the deployment's image, a package's, the pipeline's own."""

from pathlib import Path

import pytest

from pipeline.backups import places
from pipeline.errors import ToolError
from pipeline.servers.named import NamedServer
from tests.support.noted import Noted

FOLDER = Path("/usr/lib/postgresql/18/bin")
NAMED = NamedServer("db", 5432, "me", "", {}, Path("/bin"))


@pytest.fixture
def progress() -> Noted:
    return Noted()


def machine(
    monkeypatch: pytest.MonkeyPatch, docker: bool, images: tuple[str, ...], package: Path | None
) -> None:
    """Make this machine one that has these."""

    async def answers() -> bool:
        return docker

    async def get(image: str) -> None:
        if image not in images:
            raise ToolError(f"Docker cannot get the image {image}", "check its name")

    async def installed(major: int) -> Path | None:
        return package if major == 18 else None

    monkeypatch.setattr(places, "docker_answers", answers)
    monkeypatch.setattr(places, "get_image", get)
    monkeypatch.setattr(places, "installed", installed)


DEPLOYED = places.deployed_image()


@pytest.mark.parametrize(
    ("has", "called", "why"),
    [
        ((True, (DEPLOYED,), FOLDER), DEPLOYED, "Docker runs"),
        ((False, (DEPLOYED,), FOLDER), str(FOLDER), "Docker or the deployment's image"),
        ((True, (), FOLDER), str(FOLDER), "Docker or the deployment's image"),
        ((False, (), None), "comes with the pipeline", "there is neither Docker with"),
        ((True, (), None), "comes with the pipeline", "there is neither Docker with"),
    ],
)
async def test_the_best_server_that_can_be_had_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    progress: Noted,
    has: tuple[bool, tuple[str, ...], Path | None],
    called: str,
    why: str,
) -> None:
    machine(monkeypatch, *has)
    place = await places.choose(None, None, progress)
    assert called in place.called and place.why.startswith(why)
    assert place.here is (called != DEPLOYED)
    best = "! drill: the deployment's image would be the best server"
    told = [f"{best}, but Docker cannot get the image {DEPLOYED}"]
    assert progress.notes == (told if has[0] and not has[1] else [])


async def test_what_is_named_is_taken_whatever_there_is(
    monkeypatch: pytest.MonkeyPatch, progress: Noted
) -> None:
    machine(monkeypatch, True, (DEPLOYED, "postgis:18"), FOLDER)
    assert "postgis:18" in (await places.choose("postgis:18", None, progress)).called
    assert "db:5432" in (await places.choose(None, NAMED, progress)).called


async def test_an_image_that_is_named_and_cannot_be_had_is_not_replaced_silently(
    monkeypatch: pytest.MonkeyPatch, progress: Noted
) -> None:
    machine(monkeypatch, True, (DEPLOYED,), FOLDER)
    with pytest.raises(ToolError, match="cannot get the image postgis:18"):
        await places.choose("postgis:18", None, progress)


def test_the_deployments_image_is_that_of_its_playbooks() -> None:
    assert DEPLOYED.startswith("postgres:18.")
