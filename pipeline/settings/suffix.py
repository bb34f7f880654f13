"""The bucket's name: its base name and the suffix, the rules for both, and what to say when one is broken."""

import re
from collections.abc import Callable

from pipeline.settings.invisible import require_seen

BASE_NAME = "quickdata-pg-backups-storage-bucket"
"""The default of s3_bucket_base_name, in both stacks too."""
BUCKET_NAME_MAX = 63
"""Characters of a bucket's name: Amazon S3 User Guide, "General purpose bucket naming rules"."""
ENDING = "-tfstate"
"""What the states' bucket has behind the name of the backups' bucket."""
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
        "has a character that is not a lowercase letter, digit or hyphen; export one like team-backups",
    ),
    (
        lambda base: not base or base.startswith("-") or base.endswith("-"),
        "is empty, or begins or ends with a hyphen; export one like team-backups",
    ),
    (
        BASE_NAME_RESERVED.fullmatch,
        "has a beginning that S3 reserves for itself (xn--, sthree-, amzn-s3-demo-); export one like"
        " team-backups",
    ),
    (
        lambda base: len(base) > BASE_NAME_MAX,
        f"has more than {BASE_NAME_MAX} characters, and S3 allows {BUCKET_NAME_MAX} for the whole bucket"
        " name, with a hyphen and the suffix; export one like team-backups",
    ),
)
"""What breaks a rule, and how that is said; both variables.tf of infrastructure/ have the same rules.

They are of the Amazon S3 User Guide, "General purpose bucket naming rules". A dot is refused too: the same
page warns that a name with dots does not work over HTTPS.
"""
RULES: Rules = (
    (lambda lower: not lower, "not set; export a name of your own, such as ppr"),
    (
        lambda lower: not re.fullmatch("[a-z0-9-]*", lower),
        "has a character that is not a letter, digit or hyphen; use one like team-7",
    ),
    (
        lambda lower: lower.startswith("-") or lower.endswith("-"),
        "begins or ends with a hyphen; use one like team-7",
    ),
    (
        RESERVED.fullmatch,
        "has an ending that S3 reserves for itself (-an, -s3alias, --ol-s3, --x-s3, --table-s3); use"
        " one with another ending, such as ppr",
    ),
    (
        lambda lower: lower.endswith(ENDING),
        f"ends in {ENDING}, which may name the bucket of another suffix's states; export one with another"
        " ending, such as ppr",
    ),
)
"""What breaks a rule, and how that is said; both variables.tf of infrastructure/ have the same rules.

S3's own are of the Amazon S3 User Guide, "General purpose bucket naming rules". The others of that page
cannot be broken: a name begins with a base name, and a suffix has no dot.
"""


def bucket_name(suffix: str, base_name: str = BASE_NAME) -> str:
    """Return the name that infrastructure/terraS3 gives the backups' bucket.

    Args:
        suffix: the deployment's suffix, lower case.
        base_name: s3_bucket_base_name.
    """
    return f"{base_name}-{suffix}"


def longest_suffix(base_name: str, ending: str = "") -> int:
    """Return how many characters a suffix may have: the bucket's name has 63 in all.

    Args:
        base_name: s3_bucket_base_name.
        ending: what follows the suffix.
    """
    return BUCKET_NAME_MAX - len(bucket_name("", base_name) + ending)


def valid_base_name(value: str) -> str:
    """Return a base name that a bucket's name may begin with.

    Args:
        value: as it was given.

    Raises:
        ValueError: the rule that was broken, and what to do.
    """
    for breaks, said in BASE_NAME_RULES:
        if breaks(value):
            raise ValueError(said)
    return value


def valid_suffix(value: str, base_name: str = BASE_NAME) -> str:
    """Return a suffix in lower case.

    Args:
        value: as it was given; letters outside ASCII are refused before they are lowered.
        base_name: what stands before it in the bucket's name.

    Raises:
        ValueError: the bucket could not be named with it; the rule that was broken, and what to do.
    """
    require_seen(value)
    lower = value.lower() if value.isascii() else value
    for breaks, said in RULES:
        if breaks(lower):
            raise ValueError(said)
    if len(lower) > (most := longest_suffix(base_name)):
        raise ValueError(
            f"has more than {most} characters, and S3 allows {BUCKET_NAME_MAX} for the whole bucket name;"
            " export a shorter one, such as ppr"
        )
    return lower
