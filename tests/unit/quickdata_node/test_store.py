"""How an object is cut into parts: S3 takes 10,000."""

import pytest

from quickdata_node.store import MOST_PARTS, SMALLEST_PART, part_size

GIB = 1 << 30


@pytest.mark.parametrize("size", [0, 1, 7_000_000, 39 * GIB])
def test_what_is_small_has_small_parts(size: int) -> None:
    assert part_size(size) == SMALLEST_PART


@pytest.mark.parametrize("size", [80 * GIB, 156 * GIB, 1024 * GIB])
def test_a_dump_may_become_twice_as_large_as_its_database(size: int) -> None:
    assert part_size(size) * MOST_PARTS >= 2 * size
    assert part_size(size) < 2 * size / MOST_PARTS + (1 << 20) + 1
