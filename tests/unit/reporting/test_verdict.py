"""What a run came to, in a word."""

import pytest

from pipeline.reporting.verdict import verdict
from tests.support.reports import document

PROOFS = {"verify": {"words": "all came back"}}


@pytest.mark.parametrize("verb", ["rehearse", "deploy", "verify", "restore", "drill"])
def test_a_run_that_compared_is_proven(verb: str) -> None:
    assert verdict(document(verb=verb, proofs=PROOFS)).word == "Proven"


def test_a_verb_that_compares_nothing_proves_nothing() -> None:
    assert verdict(document(verb="backup", proofs={"backup": {"words": "taken"}})).word == "Done"


def test_without_a_proof_nothing_is_proven() -> None:
    assert verdict(document(verb="deploy")).word == "Done"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (None, "Not ended"),
        (1, "Failed"),
        (2, "Wrong input"),
        (3, "Refused"),
        (4, "Not proven"),
        (5, "Restored in part"),
        (99, "Failed"),
        (130, "Interrupted"),
    ],
)
def test_a_run_that_did_not_end_well_is_never_proven(code: int | None, word: str) -> None:
    said = verdict(document(proofs=PROOFS, exit_code=code))
    assert said.word == word
    assert said.tone != "good"
