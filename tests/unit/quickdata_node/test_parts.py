"""How an object is cut into parts: S3 takes 10,000 of 5 GiB at most, and the node has little memory."""

import pytest

from quickdata_node.parts import AT_ONCE, IN_MEMORY, LARGEST, MOST, TooLarge, first_size, has_room, next_size

GIB, TIB = 1 << 30, 1 << 40
SIZES = [0, 1, 7_000_000, 39 * GIB, 62 * GIB, 80 * GIB, 156 * GIB, TIB, 5 * TIB, 16 * TIB, 39 * TIB]


def sizes(expected: int) -> list[int]:
    first = first_size(expected)
    return [next_size(first, number) for number in range(MOST)]


@pytest.mark.parametrize("size", SIZES)
def test_no_part_is_one_that_s3_refuses(size: int) -> None:
    assert min(sizes(size)) >= 5 << 20
    assert max(sizes(size)) <= 5 * GIB
    assert len(sizes(size)) == 10_000


@pytest.mark.parametrize("size", [each for each in SIZES if each <= 5 * TIB])
def test_an_object_may_become_more_than_twice_as_large_as_expected(size: int) -> None:
    assert sum(sizes(size)) >= 2 * size


@pytest.mark.parametrize("size", [each for each in SIZES if each > 5 * TIB])
def test_what_is_larger_has_room_too(size: int) -> None:
    assert sum(sizes(size)) >= 1.25 * size


def test_a_stream_of_which_nothing_is_known_may_have_a_terabyte() -> None:
    assert sum(sizes(0)) > TIB
    assert next_size(first_size(0), 7_999) == 8 << 20


@pytest.mark.parametrize("size", [each for each in SIZES if each <= 5 * TIB])
def test_parts_in_memory_take_less_than_a_gigabyte(size: int) -> None:
    """Until twice of what is expected is on its way, or 80 GiB where less is."""
    sent = number = 0
    while sent < max(2 * size, 80 * GIB):
        part = next_size(first_size(size), number)
        waiting = [part] * (AT_ONCE + 1)
        while waiting and not has_room(waiting, part):
            waiting.pop()
        assert sum(waiting) + part <= max(IN_MEMORY, part)
        if sent < size:
            assert sum(waiting) + part < GIB
        sent, number = sent + part, number + 1


def test_small_parts_go_beside_each_other_and_huge_ones_alone() -> None:
    assert has_room([8 << 20] * 3, 8 << 20) and not has_room([8 << 20] * 4, 8 << 20)
    assert has_room([64 << 20] * 3, 64 << 20) and not has_room([65 << 20] * 3, 65 << 20)
    assert not has_room([129 << 20], 129 << 20)


def test_what_s3_cannot_hold_is_refused() -> None:
    assert first_size(8_000 * LARGEST) == LARGEST
    with pytest.raises(TooLarge, match="are more than 8000 parts of 5368709120 bytes"):
        first_size(8_000 * LARGEST + 1)
