"""What a run came to, in a word."""

import pytest

from pipeline.reporting.headline import DONE, PROVES, headline
from pipeline.verbs import NAMES, WITHOUT_REPORT
from tests.support.reports import document, error, step

PROOFS = {"verify": {"words": "all came back"}}
STEPS = [step("a", 0, 1)]


@pytest.mark.parametrize("verb", PROVES)
def test_a_run_that_compared_is_proven(verb: str) -> None:
    said = headline(document(verb=verb, proofs=PROOFS, not_proven=["EC2", "EBS"]))
    assert (said.word, said.tone, said.sign) == ("Proven", "good", "✓")
    assert said.sentence.endswith(": 1 proof. 2 things this run cannot prove.")


def test_a_verb_that_compares_nothing_proves_nothing() -> None:
    assert headline(document(verb="backup", proofs={"backup": {"words": "taken"}})).word == "Done"


def test_every_verb_with_a_report_has_its_own_words_for_a_good_end() -> None:
    acting = set(NAMES) - set(WITHOUT_REPORT)
    assert acting <= {*DONE, *PROVES} <= set(NAMES)
    assert headline(document(verb="backup")).sentence == "The backup is in the bucket."


def test_a_recovery_that_was_not_compared_is_not_called_proven() -> None:
    run = document(verb="restore", proofs={"recovery": {"words": "readable", "compared": False}})
    assert headline(run).word == "Done"
    run["proofs"]["recovery"]["compared"] = True
    assert headline(run).sentence.startswith(
        "The database was recovered to that moment, and its rows were compared"
    )


def test_a_rehearsal_compares_a_recovery_itself() -> None:
    proofs = {"recovery": {"words": "NocoDB shows its rows", "compared": False}}
    assert headline(document(verb="rehearse", proofs=proofs)).word == "Proven"


def test_a_drill_of_the_physical_backups_does_not_claim_to_be_off_the_node() -> None:
    run = document(verb="drill", proofs={"physical drill": {"words": "12 rows"}})
    assert headline(run).sentence.startswith("The physical backups recover on the node")


def test_without_a_proof_nothing_is_proven() -> None:
    assert headline(document(verb="deploy")).word == "Done"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (1, "Not proven"),
        (2, "Not proven"),
        (3, "Refused"),
        (4, "Not proven"),
        (5, "Proven in part"),
        (99, "Not proven"),
        (130, "Interrupted"),
    ],
)
def test_a_run_that_did_not_end_well_is_never_proven(code: int, word: str) -> None:
    said = headline(document(proofs=PROOFS, steps=STEPS, **error("the disk is full\nthere", exit_code=code)))
    assert (said.word, said.sentence) == (word, "the disk is full")
    assert said.tone != "good"
    assert said.sign != "✓"


def test_a_verb_that_proves_nothing_fails() -> None:
    assert headline(document(verb="backup", **error("no"))).word == "Failed"


def test_a_wrong_input_before_the_first_step_means_that_nothing_was_started() -> None:
    run = document(**error("TF_VAR_bucket_suffix is missing", exit_code=2))
    run["error"]["kind"] = "SettingsError"
    assert headline(run).word == "Not started"


def test_the_answer_no_is_told_as_one() -> None:
    run = document(verb="destroy", **error("not confirmed"))
    run["error"]["kind"] = "NotConfirmed"
    assert headline(run).word == "Not done"


def test_a_run_that_goes_on_has_not_ended() -> None:
    assert headline(document(ended=None, exit_code=None)).word == "Not ended"
