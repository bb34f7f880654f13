"""What is given up is removed; what is live stays."""

import json
from pathlib import Path
from typing import Any

import pytest

from quickdata_node import reservation
from quickdata_node.physical import swap
from quickdata_node.physical.give_up import give_up
from quickdata_node.physical.places import Volume
from quickdata_node.run import Failed, Run


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
