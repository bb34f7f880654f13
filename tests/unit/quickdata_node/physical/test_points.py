"""Proof points as files in the bucket. Anybody may have written them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from quickdata_node import names
from quickdata_node.manifest import Table
from quickdata_node.physical import points
from quickdata_node.physical.points import BadPoint, Point, read_point
from quickdata_node.retention import choose_expired

NAME = "quickdata_20261130T050029Z_9ff35af2"
POINT = Point(
    name=NAME,
    database="app",
    lsn="0/3004538",
    timeline=1,
    time=datetime(2026, 11, 30, 5, 0, 29, 123456, UTC),
    version="18.6",
    system_id=7600000000000000001,
    tables=[
        Table("public", "t", "table", 1000, "-12"),
        Table("public", "m", "materialized view", None, None),
    ],
)


def changed(**values: Any) -> bytes:
    return json.dumps({**json.loads(POINT.text()), **values}).encode()


def test_a_point_comes_back_as_it_was_written() -> None:
    assert read_point(POINT.text().encode(), "app", NAME) == POINT


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{", "cannot be understood"),
        (b"[]", "cannot be understood"),
        (b"{}", "cannot be understood"),
        (changed(format=2), "another format"),
        (changed(database="other"), "belongs to another database"),
        (changed(name="quickdata_20261130T050029Z_00000000"), "belongs to another database or point"),
        (changed(lsn="0/3; drop"), "values that are not valid"),
        (changed(lsn=3), "cannot be understood"),
        (changed(timeline="1"), "values that are not valid"),
        (changed(system_id=None), "values that are not valid"),
        (changed(time="2026-11-30T05:00:29"), "values that are not valid"),
        (changed(time="yesterday"), "cannot be understood"),
        (changed(tables=[{"schema": "public"}]), "has no list of tables"),
        (changed(tables=[{**POINT.tables[0].__dict__, "rows": -1}]), "tables that are not valid"),
    ],
)
def test_a_file_that_is_not_this_point_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(BadPoint, match=why):
        read_point(text, "app", NAME)


def test_a_points_name_is_unique_sorts_by_time_and_fits_into_the_wal() -> None:
    made = {points._new_name() for _ in range(100)}
    assert len(made) == 100
    assert all(points.NAME.fullmatch(name) and len(name) < 64 for name in made)
    assert points.time_of(NAME) == datetime(2026, 11, 30, 5, 0, 29, tzinfo=UTC)


def test_retention_and_the_catalogue_of_logical_backups_leave_points_alone() -> None:
    keys = [f"{points.FOLDER}{NAME}.json", "physical.json"]
    assert names.with_file(keys) == []
    newest, now = "20261130T021700Z-0123abcd", datetime(2027, 11, 30, tzinfo=UTC)
    assert choose_expired(keys, newest, 1, 0, now) == []
