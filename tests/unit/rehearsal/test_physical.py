"""Whether a rehearsal takes physical backups, and from which image: the checkout says it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SettingsError
from pipeline.rehearsal import physical

DB = "postgres:18.4-bookworm"
READY = "localhost/quickdata/postgres-pgbackrest:18.4-bookworm"
OWN = "registry.example.org/postgres-pgbackrest:18.4-bookworm"
Says = Callable[..., None]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    files = tuple(tmp_path / file.name for file in physical.VARIABLES)
    monkeypatch.setattr(physical, "VARIABLES", files)

    def says(main: str = "", images: str = "") -> None:
        for file, text in zip(files, (images, main), strict=True):
            file.write_text(f"{text}\n")

    return says


@pytest.fixture
def docker_has(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def has(*names: str) -> None:
        async def inspect(asked: Iterable[str]) -> dict[str, Any]:
            return {name: {} for name in asked if name in names}

        monkeypatch.setattr(physical, "inspect_images", inspect)

    return has


def test_the_checkouts_own_variables_turn_them_on() -> None:
    assert not physical.are_off()
    assert physical.named_image() == ""


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("", False),
        ("quickdata_pitr:", False),
        ("quickdata_pitr: true", False),
        ("quickdata_pitr: false", True),
        ("quickdata_pitr: 'False'", True),
        ("other: !vault |\n  $ANSIBLE_VAULT\nquickdata_pitr: no", True),
    ],
)
def test_a_checkout_that_says_false_turns_them_off(checkout: Says, text: str, off: bool) -> None:
    checkout(text)
    assert physical.are_off() is off


def test_variables_that_cannot_be_read_are_told(checkout: Says) -> None:
    for text in ("a: [", "only a text"):
        checkout(text)
        with pytest.raises(SettingsError, match=r"main\.yml cannot be read"):
            physical.are_off()


async def test_the_node_gets_the_image_with_pgbackrest_only_where_it_is_used(
    checkout: Says, docker_has: Callable[..., None]
) -> None:
    docker_has(DB, READY)
    checkout("quickdata_pitr: true")
    assert await physical.find_image(DB) == READY
    checkout("quickdata_pitr: false", f"quickdata_pitr_image: {OWN}")
    assert (await physical.find_image(DB), physical.named_image()) == (DB, "")
    docker_has(DB)
    checkout()
    assert await physical.find_image(DB) == DB, "the node builds it"


async def test_an_image_that_the_checkout_names_goes_to_the_node(
    checkout: Says, docker_has: Callable[..., None]
) -> None:
    docker_has(DB, READY, OWN)
    checkout(images=f"quickdata_pitr_image: {OWN}")
    assert (physical.named_image(), await physical.find_image(DB)) == (OWN, OWN)
