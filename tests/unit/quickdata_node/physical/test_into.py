"""The copy of one database leaves room for the live server."""

from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from quickdata_node.physical.choice import MOST_WAL
from quickdata_node.physical.into import pour, room_for
from quickdata_node.run import Failed
from quickdata_node.streams import BLOCK


def test_a_copy_needs_room_for_its_wal_too() -> None:
    assert [room_for(size) for size in (0, 1000, 2 * MOST_WAL)] == [0, 2000, 3 * MOST_WAL]


def test_a_copy_stops_when_the_live_server_needs_the_room() -> None:
    free, written = iter([True, False]), list[bytes]()

    def require_reserve() -> None:
        if not next(free):
            raise Failed("only 1 bytes are free", "make room")

    child: Any = SimpleNamespace(stdout=BytesIO(bytes(3 * BLOCK)))
    sink: Any = SimpleNamespace(write=written.append)
    volume: Any = SimpleNamespace(require_reserve=require_reserve)
    with pytest.raises(Failed, match="only 1 bytes are free"):
        pour(child, sink, volume)
    assert len(written) == 1
