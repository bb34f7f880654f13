"""A recovery goes live only when it is whole, and half a reservation ends."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quickdata_node import reservation
from quickdata_node.physical import swap
from quickdata_node.physical.places import Volume
from quickdata_node.run import Failed

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


def test_a_reservation_that_is_written_in_part_ends(config: Any) -> None:
    config.physical_dir.rmdir()
    with pytest.raises(Failed, match="the swap cannot be reserved"):
        swap.reserve(config, "0123abcd")
    assert not reservation.find(config.lock_file, "")
