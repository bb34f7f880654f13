"""Suffixes of a bucket, good ones and bad ones: one table of values for the pipeline and both stacks."""

from pipeline.settings.suffix import BASE_NAME

EMPTY, LONG, HYPHEN = "not set", "has more than 27 characters", "begins or ends with a hyphen"
CHARACTERS = "has a character that is not a letter, digit or hyphen"
S3S, STATES = "has an ending that S3 reserves for itself", "ends in -tfstate"

TABLE: dict[str, str] = {
    **dict.fromkeys(["a", "9", "PPR", "team-7", "a--b", "susan", "an-ppr", "x" * 27], ""),
    **dict.fromkeys(["s3alias2", "my-s3aliases", "ol-s3", "my-ol-s3", "x-s3", "tfstate", "a-tfstate-2"], ""),
    **dict.fromkeys(["sthree-ppr", "xn--ppr", "amzn-s3-demo-ppr"], ""),  # only where a name begins with them
    "": EMPTY,
    **dict.fromkeys(["x" * 28, "X" * 28, "team-" + "7" * 23], LONG),
    **dict.fromkeys(["a b", "a.b", "a..b", "a_b", "a/../b", "$(id)", "${x}", "a.mrap"], CHARACTERS),
    **dict.fromkeys(["é", "zoé", "ppr\nx", "ppr\n", "ppr\r", "\tppr", "\u0131"], CHARACTERS),
    **dict.fromkeys(["-", "-ppr", "ppr-", "--ol-s4-"], HYPHEN),
    **dict.fromkeys(["an", "AN", "my-an", "s3alias", "my-S3Alias"], S3S),
    **dict.fromkeys(["a--ol-s3", "a--x-s3", "A--TABLE-S3"], S3S),
    **dict.fromkeys(["abc-tfstate", "ABC-TfState", "a-tfstate-tfstate"], STATES),
}
"""Suffixes, with the words that tell of the rule that each breaks; a good one breaks none."""

BASE_NAMES: dict[str, str] = {
    **dict.fromkeys([BASE_NAME, "a", "9", "a--b", "xn", "amzn-s3-demos", "x" * 61], ""),
    **dict.fromkeys(
        ["A", "a.b", "a_b", "é", "a b", "a\n", "${x}"], "has a character that is not a lowercase letter"
    ),
    **dict.fromkeys(["-a", "a-", "-"], "is empty, or begins or ends with a hyphen"),
    **dict.fromkeys(["xn--a", "sthree", "sthree-a", "amzn-s3-demo"], "has a beginning that S3 reserves"),
    "x" * 62: "has more than 61 characters",
}
"""Base names, with the words that tell of the rule that each breaks; a good one breaks none."""
