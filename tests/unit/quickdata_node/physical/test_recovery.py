"""A recovery goes live only when it is whole, and a proof without tables proves nothing."""

import json
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quickdata_node import reservation
from quickdata_node.physical import recovery, swap
from quickdata_node.physical.give_up import give_up
from quickdata_node.physical.places import Volume
from quickdata_node.run import Failed, Run

ANYTHING: Any = SimpleNamespace()


@pytest.mark.parametrize("name", ["0123abcd", "../0123abcd", "no-such"])
def test_half_a_recovery_and_a_foreign_name_are_refused_and_other_files_stay(
    tmp_path: Path, name: str
) -> None:
    volume = Volume(tmp_path, Path("18/docker"))
    half = volume.place("0123abcd")
    half.make()
    with pytest.raises(Failed, match="there is no finished recovery") as caught:
        swap.go_live(ANYTHING, ANYTHING, volume, name)
    assert caught.value.code == 2
    assert half.stage == "recovering"


def test_a_point_without_tables_proves_nothing() -> None:
    point: Any = SimpleNamespace(tables=[], name="quickdata_1f")
    with pytest.raises(Failed, match="0 tables differ from the point quickdata_1f") as caught:
        recovery._compare(ANYTHING, point, [])
    assert caught.value.code == 4


@pytest.mark.parametrize(
    ("code", "said", "ours"), [(2, "finds damage", 4), (1, "ended with exit code 1, so .* not checked", 1)]
)
def test_damage_is_told_from_a_check_that_could_not_be_made(code: int, said: str, ours: int) -> None:
    ended = SimpleNamespace(wait=lambda: code)
    server: Any = SimpleNamespace(start=lambda *_, **__: ended)
    with pytest.raises(Failed, match=f"pg_amcheck {said}") as caught:
        recovery.check_pages(server)
    assert caught.value.code == ours


@pytest.fixture
def config(tmp_path: Path) -> Any:
    (tmp_path / "physical").mkdir()
    return SimpleNamespace(lock_file=tmp_path / "lock", physical_dir=tmp_path / "physical")


@pytest.mark.parametrize("stage", ["ready", "recovering", "only reserved"])
def test_what_is_given_up_is_removed_and_its_reservation_ends(
    tmp_path: Path, config: Any, stage: str
) -> None:
    volume = Volume(tmp_path, Path("18/docker"))
    place = volume.place("0123abcd")
    if stage != "only reserved":
        place.make()
    if stage == "ready":
        place.finish()
    swap.reserve(config, place.id)
    give_up(Run("recover-pg.sh"), config, volume, place.id)
    assert not place.folder.exists()
    assert not reservation.find(config.lock_file, "")


@pytest.mark.parametrize("name", ["4567abcd", "../0123abcd", ""])
def test_what_does_not_exist_is_not_given_up(tmp_path: Path, config: Any, name: str) -> None:
    volume = Volume(tmp_path, Path("18/docker"))
    volume.place("0123abcd").make()
    with pytest.raises(Failed, match=r"there is no recovery .*to give up"):
        give_up(Run("recover-pg.sh"), config, volume, name)
    assert volume.place("0123abcd").folder.exists()


def test_what_is_live_is_not_given_up_and_names_what_it_has_kept(
    tmp_path: Path, config: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    volume = Volume(tmp_path, Path("18/docker"))
    place = volume.place("0123abcd")
    place.make()
    place.finish()
    place.go_live()
    give_up(Run("recover-pg.sh"), config, volume, place.id)
    said = json.loads(capfd.readouterr().out)
    assert (said["action"], said["kept"]) == ("live", str(place.data))
    assert place.data.exists()


def test_a_reservation_that_is_written_in_part_ends(config: Any) -> None:
    config.physical_dir.rmdir()
    with pytest.raises(Failed, match="the swap cannot be reserved"):
        swap.reserve(config, "0123abcd")
    assert not reservation.find(config.lock_file, "")


def test_a_recovery_that_cannot_be_finished_ends_its_reservation(
    tmp_path: Path, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Volume(tmp_path, Path("18/docker")).place("0123abcd")  # its folder is gone: finish() fails
    run = Run("recover-pg.sh")
    undo = run.cleaning.enter_context(ExitStack())
    throwaway: Any = SimpleNamespace(forget=lambda _: None, stop=lambda: None)
    monkeypatch.setattr(recovery, "start", lambda *_: (throwaway, ANYTHING, undo))
    monkeypatch.setattr(recovery, "prove", lambda *_: {})
    with pytest.raises(OSError, match="No such file"):
        recovery.recover(recovery.Recovery(run, config, ANYTHING, place, ANYTHING))
    run.cleaning.close()
    assert not reservation.find(config.lock_file, "")
