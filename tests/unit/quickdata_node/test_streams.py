"""An object that is read twice."""

import pytest

from quickdata_node.store import StoreFailed
from quickdata_node.streams import Source


def read(source: Source) -> bytes:
    return b"".join(iter(lambda: source.read(1024), b""))


def test_the_beginning_of_an_object_is_known_by_its_parts() -> None:
    first = Source(iter([b"one", b"two", b"three"]))
    first.drain()
    again = Source(iter([b"one", b"two"]), first.known)
    assert (read(again), again.known) == (b"onetwo", first.known[:2])


def test_an_object_that_has_changed_since_it_was_read_is_not_read_again() -> None:
    first = Source(iter([b"one", b"two"]))
    first.drain()
    with pytest.raises(StoreFailed, match="has changed"):
        read(Source(iter([b"one", b"twO"]), first.known))
