"""The timelines and the WAL of the repository, as pgBackRest's repo-ls and repo-get tell them."""

import json
from datetime import UTC, datetime

from quickdata_node.physical.info import Archive, Info
from quickdata_node.physical.timelines import position, read_history

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
    assert [(each.name, each.stored_bytes) for each in history.segments] == [("000000010000000000000003", 42)]
    assert (history.at(began), history.at(datetime.fromtimestamp(1764300599, UTC))) == (2, 1)


def test_a_repository_without_wal_has_no_timelines() -> None:
    assert read_history(Repository(), Info(0, "ok")).segments == ()  # type: ignore[arg-type]
