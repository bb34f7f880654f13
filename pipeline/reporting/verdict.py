"""What a run came to, in a word."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PROVING = ("rehearse", "deploy", "verify", "restore", "drill")
"""The verbs that end with a comparison: with exit code 0 they have proven something."""


@dataclass(frozen=True)
class Verdict:
    """What a run came to.

    Args:
        word: the verdict.
        sign: the same as one character, for readers who do not see colours.
        tone: whether it is good, bad, or something to look at.
    """

    word: str
    sign: str
    tone: Literal["good", "bad", "warn"]


FAILED = Verdict("Failed", "✗", "bad")
BY_EXIT_CODE = {
    None: Verdict("Not ended", "…", "warn"),
    0: Verdict("Done", "✓", "good"),
    2: Verdict("Wrong input", "✗", "bad"),
    3: Verdict("Refused", "⊘", "warn"),
    4: Verdict("Not proven", "✗", "bad"),
    5: Verdict("Restored in part", "!", "warn"),
    130: Verdict("Interrupted", "■", "warn"),
}


def verdict(run: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a run: proven, if its verb proves something and did.

    Args:
        run: the report as run.json holds it.
    """
    if run["exit_code"] == 0 and run["verb"] in PROVING and run["proofs"]:
        return Verdict("Proven", "✓", "good")
    return BY_EXIT_CODE.get(run["exit_code"], FAILED)
