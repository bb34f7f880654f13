"""The bucket's name, from a base name and a suffix, with the rules for both and the errors for each rule."""

import re
from collections.abc import Callable

from pipeline.settings.invisible import require_seen

BASE_NAME = "quickdata-pg-backups-storage-bucket"
"""The default of s3_bucket_base_name, the same as in both stacks."""
BUCKET_NAME_MAX = 63
"""The most characters of a bucket's name: Amazon S3 User Guide, "General purpose bucket naming rules"."""
ENDING = "-tfstate"
"""The bucket of the states has the name of the backups' bucket with this ending."""
BASE_NAME_MAX = BUCKET_NAME_MAX - len("-x")
"""A hyphen and a suffix of one character follow."""
RESERVED = re.compile(r"(.*-)?(an|s3alias)|.*--(ol|x|table)-s3")
"""Endings that a bucket's name must not have."""
BASE_NAME_RESERVED = re.compile(r"(xn-|sthree|amzn-s3-demo)(-.*)?")
"""Beginnings that a bucket's name must not have; a hyphen follows the base name."""
Rules = tuple[tuple[Callable[[str], object], str], ...]
BASE_NAME_RULES: Rules = (
    (
        lambda base: not re.fullmatch("[a-z0-9-]*", base),
        "has a character that is not a lowercase letter, digit or hyphen; export a name like team-backups",
    ),
    (
        lambda base: not base or base.startswith("-") or base.endswith("-"),
        "is empty, or begins or ends with a hyphen; export a name like team-backups",
    ),
    (
        BASE_NAME_RESERVED.fullmatch,
        "has a beginning that S3 reserves for itself (xn--, sthree-, amzn-s3-demo-); export a name like"
        " team-backups",
    ),
    (
        lambda base: len(base) > BASE_NAME_MAX,
        f"has more than {BASE_NAME_MAX} characters, and S3 allows {BUCKET_NAME_MAX} for the whole bucket"
        " name, with a hyphen and the suffix; export a name like team-backups",
    ),
)
"""A test that finds a broken rule, and the error for it. Both variables.tf of infrastructure/ have the same.

Source: Amazon S3 User Guide, "General purpose bucket naming rules". A dot is refused too: the same page warns
that a name with dots does not work over HTTPS.
"""
RULES: Rules = (
    (lambda lower: not lower, "is not set; export a suffix of your own, such as ppr"),
    (
        lambda lower: not re.fullmatch("[a-z0-9-]*", lower),
        "has a character that is not a letter, digit or hyphen; use a suffix like team-7",
    ),
    (
        lambda lower: lower.startswith("-") or lower.endswith("-"),
        "begins or ends with a hyphen; use a suffix like team-7",
    ),
    (
        RESERVED.fullmatch,
        "has an ending that S3 reserves for itself (-an, -s3alias, --ol-s3, --x-s3, --table-s3); use"
        " another ending, such as ppr",
    ),
    (
        lambda lower: lower.endswith(ENDING),
        f"ends in {ENDING}, which may name the bucket of another suffix's states; use another ending, such"
        " as ppr",
    ),
)
"""A test that finds a broken rule, and the error for it. Both variables.tf of infrastructure/ have the same.

The rules of S3 are from the Amazon S3 User Guide, "General purpose bucket naming rules". The other rules of
that page cannot be broken: a name begins with a base name, and a suffix has no dot.
"""


def bucket_name(suffix: str, base_name: str = BASE_NAME) -> str:
    """Return the name that infrastructure/terraS3 gives the backups' bucket.

    Args:
        suffix: the deployment's suffix, lower case.
        base_name: s3_bucket_base_name.
    """
    return f"{base_name}-{suffix}"


def longest_suffix(base_name: str, ending: str = "") -> int:
    """Return how many characters a suffix may have: the bucket's name may have 63 in all.

    Args:
        base_name: s3_bucket_base_name.
        ending: the text after the suffix.
    """
    return BUCKET_NAME_MAX - len(bucket_name("", base_name) + ending)


def valid_base_name(value: str) -> str:
    """Return a base name that follows the rules.

    Args:
        value: the base name as the user gave it.

    Raises:
        ValueError: a rule is broken; the error says which one, and what to do.
    """
    for breaks, said in BASE_NAME_RULES:
        if breaks(value):
            raise ValueError(said)
    return value


def valid_suffix(value: str, base_name: str = BASE_NAME) -> str:
    """Return a suffix in lower case.

    Args:
        value: the suffix as the user gave it. Letters outside ASCII are refused before lower() changes them.
        base_name: the text before the suffix in the bucket's name.

    Raises:
        ValueError: a rule is broken; the error says which one, and what to do.
    """
    require_seen(value)
    lower = value.lower() if value.isascii() else value
    for breaks, said in RULES:
        if breaks(lower):
            raise ValueError(said)
    if len(lower) > (most := longest_suffix(base_name)):
        raise ValueError(
            f"has more than {most} characters, and S3 allows {BUCKET_NAME_MAX} for the whole bucket name;"
            " export a shorter suffix, such as ppr"
        )
    return lower
