"""The sizes of an upload's parts, and how many parts may be in memory.

Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits": only the last part may be smaller than
5 MiB, and parts may differ in size.
"""

MOST = 10_000
"""Most parts of an object; S3's limit."""
SMALLEST = 8 << 20
"""Bytes of the smallest parts."""
LARGEST = 5 << 30
"""Bytes of the largest part; S3's limit. 10,000 of these parts are 48.8 TiB."""
EXPECTED = 8_000
"""Number of parts for the expected size. A larger object uses the other parts, which grow."""
STEP = 250
"""Number of growing parts after which the size doubles. Together they hold 16 times the expected size."""
AT_ONCE = 3
"""Most parts that are being sent while the next one is filled."""
IN_MEMORY = 256 << 20
"""Most bytes of an upload in memory, in however many parts. A single part may be larger."""


class TooLarge(Exception):  # noqa: N818 - callers say of what
    """S3 does not accept an object of this size."""


def first_size(expected: int) -> int:
    """Return the size of an object's first parts, in bytes.

    Args:
        expected: estimate of the object's bytes.

    Raises:
        TooLarge: S3 does not accept parts of this size.
    """
    megabytes = -(-expected // (EXPECTED << 20))
    if megabytes << 20 > LARGEST:
        raise TooLarge(f"{expected} bytes are more than {EXPECTED} parts of {LARGEST} bytes")
    return max(SMALLEST, megabytes << 20)


def next_size(first: int, number: int) -> int:
    """Return the size of a part, in bytes.

    Args:
        first: size of the first parts, in bytes.
        number: number of parts before this one.
    """
    if number < EXPECTED:
        return first
    return min(first << (number - EXPECTED) // STEP + 1, LARGEST)


def has_room(on_their_way: list[int], size: int) -> bool:
    """Return whether there is memory for another part.

    Args:
        on_their_way: sizes of the parts that are being sent, in bytes.
        size: size of the other part, in bytes.
    """
    return len(on_their_way) <= AT_ONCE and sum(on_their_way) + size <= IN_MEMORY
