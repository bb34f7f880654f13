"""How an object is cut into parts, and how many of them are in memory.

Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits": only the last part may have less than
5 MiB, and no two need to be alike.
"""

MOST = 10_000
"""Parts of an object."""
SMALLEST = 8 << 20
LARGEST = 5 << 30
"""S3's own: with them all, an object has 48.8 TiB."""
EXPECTED = 8_000
"""How many parts hold what is expected. An object that is larger has the others, which grow."""
STEP = 250
"""After so many of those, a part is twice as large: together they hold 16 times what is expected."""
AT_ONCE = 3
"""Parts that are on their way beside the one that is filled."""
IN_MEMORY = 256 << 20
"""Bytes of an upload that are in memory at once, however many parts these are: a single one may be larger."""


class TooLarge(Exception):  # noqa: N818 - callers say of what
    """S3 does not take such an object."""


def first_size(expected: int) -> int:
    """Return how large the first parts of an object have to be.

    Args:
        expected: its bytes, more or less.

    Raises:
        TooLarge: S3 has no parts of that size.
    """
    megabytes = -(-expected // (EXPECTED << 20))
    if megabytes << 20 > LARGEST:
        raise TooLarge(f"{expected} bytes are more than {EXPECTED} parts of {LARGEST} bytes")
    return max(SMALLEST, megabytes << 20)


def next_size(first: int, number: int) -> int:
    """Return how large a part is.

    Args:
        first: the size of the first ones.
        number: how many were before it.
    """
    if number < EXPECTED:
        return first
    return min(first << (number - EXPECTED) // STEP + 1, LARGEST)


def has_room(on_their_way: list[int], size: int) -> bool:
    """Return whether another part may be filled.

    Args:
        on_their_way: the sizes of those that are in memory.
        size: its own.
    """
    return len(on_their_way) <= AT_ONCE and sum(on_their_way) + size <= IN_MEMORY
