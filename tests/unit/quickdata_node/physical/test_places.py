"""The folders of recoveries: what a run leaves, what the next one removes, and the swap."""

from pathlib import Path

import pytest

from quickdata_node.physical import places
from quickdata_node.physical.places import Place, finish_swaps, remove_older, remove_unused, require_room
from quickdata_node.run import Failed


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    live = tmp_path / "18/docker"
    live.mkdir(parents=True)
    (live / "PG_VERSION").write_text("18, live")
    return tmp_path


def recovered(volume: Path, number: str) -> Place:
    place = Place(volume, number)
    place.make()
    (place.data / "PG_VERSION").write_text(f"18, of {number}")
    place.finish()
    return place


def test_a_swap_exchanges_the_files_and_keeps_those_that_were_live(volume: Path) -> None:
    place = recovered(volume, "a")
    place.go_live()
    assert (place.live / "PG_VERSION").read_text() == "18, of a"
    assert (place.data / "PG_VERSION").read_text() == "18, live"
    assert place.stage == "live"
    assert not place.is_live, "nothing of the recovery is left in the live files"


def test_a_swap_that_ended_after_the_exchange_is_finished_and_not_undone(volume: Path) -> None:
    place = recovered(volume, "a")
    places.exchange(place.data, place.live)
    finish_swaps(volume)
    place.go_live()
    assert (place.stage, (place.live / "PG_VERSION").read_text()) == ("live", "18, of a")
    remove_unused(volume, print)
    assert (place.data / "PG_VERSION").read_text() == "18, live", "the formerly live files are kept"


def test_recoveries_that_never_went_live_are_removed_and_foreign_folders_are_not(volume: Path) -> None:
    recovered(volume, "a")
    Place(volume, "b").make()
    (volume / "recovery" / "mine").mkdir()
    remove_unused(volume, print)
    assert [each.name for each in (volume / "recovery").iterdir()] == ["mine"]


def test_a_new_recovery_replaces_what_an_older_one_kept(volume: Path) -> None:
    older, newer = recovered(volume, "a"), recovered(volume, "b")
    older.go_live()
    newer.go_live()
    remove_older(newer, print)
    assert not older.folder.exists()
    assert (newer.data / "PG_VERSION").read_text() == "18, of a"


def test_older_files_with_wal_that_was_not_archived_are_kept(volume: Path) -> None:
    older = recovered(volume, "a")
    older.go_live()
    status = older.data / "pg_wal/archive_status"
    status.mkdir(parents=True)
    (status / "000000010000000000000007.ready").touch()
    newer = recovered(volume, "b")
    newer.go_live()
    remove_older(newer, print)
    assert (older.data / "PG_VERSION").read_text() == "18, live"


def test_a_volume_without_a_server_gets_the_recovered_files(tmp_path: Path) -> None:
    place = recovered(tmp_path, "a")
    place.go_live()
    assert (place.live / "PG_VERSION").read_text() == "18, of a"


def test_a_volume_without_room_is_refused_with_the_figures(volume: Path) -> None:
    with pytest.raises(Failed, match=f"needs {10**18} bytes beside the live database, [0-9]+ are free"):
        require_room(volume, 10**18)
