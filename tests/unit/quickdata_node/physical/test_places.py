"""The folders of recoveries: what a run leaves, what the next one removes, and the swap."""

import struct
from pathlib import Path

import pytest

from quickdata_node.physical import places
from quickdata_node.physical.places import Place, Volume, find_volume
from quickdata_node.run import Failed

LIVE = Path("18/docker")


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    live = tmp_path / LIVE
    live.mkdir(parents=True)
    (live / "PG_VERSION").write_text("18, live")
    return Volume(tmp_path, LIVE)


def recovered(volume: Volume, number: str) -> Place:
    place = volume.place(number)
    place.make()
    (place.data / "PG_VERSION").write_text(f"18, of {number}")
    place.finish()
    return place


def stop(data: Path, state: int = 1) -> None:
    """Write the server's state as PostgreSQL does; 1 is a clean shutdown."""
    (data / "global").mkdir()
    (data / "global/pg_control").write_bytes(struct.pack("=QIIi", 7, 1800, 202506291, state) + bytes(200))


def test_a_swap_exchanges_the_files_and_keeps_those_that_were_live(volume: Volume) -> None:
    place = recovered(volume, "a")
    place.go_live()
    assert (place.live / "PG_VERSION").read_text() == "18, of a"
    assert (place.data / "PG_VERSION").read_text() == "18, live"
    assert place.stage == "live"
    assert not place.is_live, "nothing of the recovery is left in the live files"


def test_a_swap_that_ended_after_the_exchange_is_finished_and_not_undone(volume: Volume) -> None:
    place = recovered(volume, "a")
    places.exchange(place.data, place.live)
    volume.finish_swaps()
    place.go_live()
    assert (place.stage, (place.live / "PG_VERSION").read_text()) == ("live", "18, of a")
    volume.remove_unused(print)
    assert (place.data / "PG_VERSION").read_text() == "18, live", "the formerly live files are kept"


def test_recoveries_that_never_went_live_are_removed_and_foreign_folders_are_not(volume: Volume) -> None:
    recovered(volume, "a")
    volume.place("b").make()
    (volume.path / "recovery" / "mine").mkdir()
    volume.remove_unused(print)
    assert [each.name for each in (volume.path / "recovery").iterdir()] == ["mine"]


def test_a_swap_that_cannot_be_noted_is_not_called_undone(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = recovered(volume, "a")
    assert not place.has_gone_live

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(Place, "enter", full)
        place.go_live()
    assert place.has_gone_live
    volume.finish_swaps()
    assert place.stage == "live"
    assert place.has_gone_live


def test_a_new_recovery_replaces_what_an_older_one_kept(volume: Volume) -> None:
    older, newer = recovered(volume, "a"), recovered(volume, "b")
    older.go_live()
    newer.go_live()
    stop(older.data)
    volume.remove_older(newer, print)
    assert not older.folder.exists()
    assert (newer.data / "PG_VERSION").read_text() == "18, of a"


def test_older_files_with_wal_that_was_not_archived_are_kept(volume: Volume) -> None:
    older = recovered(volume, "a")
    older.go_live()
    stop(older.data)
    status = older.data / "pg_wal/archive_status"
    status.mkdir(parents=True)
    (status / "000000010000000000000007.ready").touch()
    newer = recovered(volume, "b")
    newer.go_live()
    volume.remove_older(newer, print)
    assert (older.data / "PG_VERSION").read_text() == "18, live"


@pytest.mark.parametrize("state", [0, 2, 3, 4, 5, 6, None])
def test_older_files_of_a_server_that_did_not_shut_down_cleanly_are_kept(
    volume: Volume, state: int | None
) -> None:
    older, newer = recovered(volume, "a"), recovered(volume, "b")
    older.go_live()
    if state is not None:
        stop(older.data, state)
    newer.go_live()
    volume.remove_older(newer, print)
    assert older.data.exists()


def test_the_empty_folder_of_a_new_volume_is_removed(tmp_path: Path) -> None:
    volume = Volume(tmp_path, LIVE)
    first, second = recovered(volume, "a"), recovered(volume, "b")
    first.go_live()
    second.go_live()
    volume.remove_older(second, print)
    assert not first.folder.exists()


def test_a_volume_without_a_server_gets_the_recovered_files(tmp_path: Path) -> None:
    place = recovered(Volume(tmp_path, LIVE), "a")
    place.go_live()
    assert (place.live / "PG_VERSION").read_text() == "18, of a"


def test_a_volume_without_room_is_refused_with_the_figures(volume: Volume) -> None:
    said = (
        f"needs {10**18} bytes beside the live database, and {volume.reserve} must stay free for its growth;"
        " [0-9]+ are free"
    )
    with pytest.raises(Failed, match=said):
        volume.require_room(10**18)
    assert volume.reserve >= 1 << 30


def test_the_live_servers_files_are_where_pgbackrests_configuration_says(tmp_path: Path) -> None:
    file = tmp_path / "pgbackrest.conf"
    file.write_text("[global]\nrepo1-path=/postgres\n\n[quickdata]\npg1-path=/var/lib/postgresql/19/docker\n")
    assert find_volume(Path("/data"), tmp_path).place("a").live == Path("/data/19/docker")


@pytest.mark.parametrize("text", ["", "pg1-path=/etc", "pg1-path=/var/lib/postgresql/", None])
def test_a_configuration_without_the_live_servers_files_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "pgbackrest.conf").write_text(text)
    with pytest.raises(Failed, match=r"pgbackrest.conf (has no pg1-path below|cannot be read)"):
        find_volume(Path("/data"), tmp_path)
