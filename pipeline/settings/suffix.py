"""The suffix that ends every name of a deployment: the rules for it, and what to say when one is broken."""

import re
from collections.abc import Callable

from pipeline.settings.invisible import require_seen

BUCKET_PREFIX = "quickdata-pg-backups-storage-bucket-"
"""What infrastructure/terraS3 puts before the suffix."""
BUCKET_NAME_MAX = 63
"""Characters of a bucket's name: Amazon S3 User Guide, "General purpose bucket naming rules"."""
ENDING = "-tfstate"
"""What the states' bucket has behind the name of the backups' bucket."""
MOST = BUCKET_NAME_MAX - len(BUCKET_PREFIX)
RESERVED = re.compile(r"(.*-)?(an|s3alias)|.*--(ol|x|table)-s3")
"""Endings that a bucket's name must not have."""
RULES: tuple[tuple[Callable[[str], object], str], ...] = (
    (lambda lower: not lower, "not set; export a name of your own, such as ppr"),
    (
        lambda lower: len(lower) > MOST,
        f"has more than {MOST} characters, and S3 allows {BUCKET_NAME_MAX} for the whole bucket name; export"
        " a shorter one, such as ppr",
    ),
    (
        lambda lower: not re.fullmatch("[a-z0-9-]*", lower),
        "has a character that is not a letter, digit or hyphen; export one like team-7",
    ),
    (
        lambda lower: lower.startswith("-") or lower.endswith("-"),
        "begins or ends with a hyphen; export one like team-7",
    ),
    (
        RESERVED.fullmatch,
        "has an ending that S3 reserves for itself (-an, -s3alias, --ol-s3, --x-s3, --table-s3); export"
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
cannot be broken: a name begins with BUCKET_PREFIX, and a suffix has no dot.
"""


def valid_suffix(value: str) -> str:
    """Return a suffix in lower case.

    Args:
        value: as it was given; letters outside ASCII are refused before they are lowered.

    Raises:
        ValueError: the bucket could not be named with it; the rule that was broken, and what to do.
    """
    require_seen(value)
    lower = value.lower() if value.isascii() else value
    for breaks, said in RULES:
        if breaks(lower):
            raise ValueError(said)
    return lower
