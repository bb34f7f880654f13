"""The timelines and the WAL of the repository, as pgBackRest's repo-ls and repo-get tell them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from quickdata_node.physical.info import Archive, Info
from quickdata_node.physical.timelines import (
    History,
    Segment,
    Timeline,
    number_of,
    position,
    read_history,
    segment_name,
)

WAL = "0000000100000000/000000010000000000000003-" + "a" * 40 + ".zst"
LISTED = {
    ".": {"type": "path"},
    "0000000100000000": {"type": "path"},
    WAL: {"type": "file", "size": 42, "time": 1764300000},
    "00000002.history": {"type": "file", "size": 50, "time": 1764300600},
    "archive.info": {"type": "file", "size": 1, "time": 1},
}
CONTENT = "1\t0/5000000\tbefore 2026-11-28 03:20:00+00\n"


class Repository:
    """Stands for pgBackRest in a container: what it prints was seen in a real one."""

    def command(self, name: str, *options: str) -> str:
        if name == "repo-get":
            assert options == ("archive/quickdata/18-1/00000002.history",)
            return CONTENT
        return json.dumps(LISTED)


def test_history_files_and_segments_are_read_and_nothing_else() -> None:
    info = Info(0, "ok", archives=(Archive(1, "18-1", "", ""),))
    history = read_history(Repository(), info)  # type: ignore[arg-type]
    began = datetime.fromtimestamp(1764300600, UTC)
    assert [(each.number, each.began, each.parents) for each in history.timelines.values()] == [
        (2, began, {1: position("0/5000000")})
    ]
    assert history.segments == (
        Segment("000000010000000000000003", datetime.fromtimestamp(1764300000, UTC), 42, "a" * 40),
    )
    assert (history.at(began), history.at(datetime.fromtimestamp(1764300599, UTC))) == (2, 1)


def test_a_repository_without_wal_has_no_timelines() -> None:
    assert read_history(Repository(), Info(0, "ok")).segments == ()  # type: ignore[arg-type]


MIDNIGHT = datetime(2026, 11, 28, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minutes)


def wal(timeline: int, *minutes: int) -> list[Segment]:
    return [Segment(segment_name(timeline, minute), at(minute), 1) for minute in minutes]


SECOND = {2: Timeline(2, at(10), {1: position("0/5000000")})}


@pytest.mark.parametrize(("minute", "number"), [(5, 1), (9, 1), (10, 2), (13, 2), (15, 1), (25, 1), (99, 1)])
def test_files_that_were_moved_back_make_their_timeline_live_again(minute: int, number: int) -> None:
    history = History(SECOND, (*wal(1, 4, 8, 20, 30), *wal(2, 12, 14)))
    assert history.at(at(minute)) == number
    assert history.newest == 1


def test_wal_that_is_stored_a_little_before_its_history_file_moves_no_moment() -> None:
    history = History({2: Timeline(2, at(13), {1: position("0/5000000")})}, (*wal(1, 4, 8), *wal(2, 12, 14)))
    assert [history.at(at(minute)) for minute in (9, 11, 13, 99)] == [1, 1, 2, 2]


def test_a_place_is_in_the_past_of_a_timeline_up_to_where_its_own_was_left() -> None:
    history = History(SECOND, ())
    assert history.holds(2, 1, "0/5000000")
    assert not history.holds(2, 1, "0/5000008")
    assert history.holds(2, 2, "0/9000000")
    assert not history.holds(1, 2, "0/1")


def test_where_a_timeline_was_left_the_next_ones_segment_is_taken() -> None:
    history = History(SECOND, (*wal(1, 3, 4, 5, 6), *wal(2, 5, 7)))
    assert [each.name[7:8] + each.name[-1] for each in history.of(2)] == ["13", "14", "25", "27"]
    assert [each.name[7:8] + each.name[-1] for each in history.of(1)] == ["13", "14", "15", "16"]


def test_a_segment_has_the_number_in_its_name() -> None:
    assert number_of("0000000200000001000000FF") == 511
    assert segment_name(2, 511) == "0000000200000001000000FF"
