"""The headline of a report's page: what the run came to, in a word and in a sentence."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Run = Mapping[str, Any]
Tone = Literal["good", "bad", "warn"]

PROVES = {
    "rehearse": "the rehearsed deployment ended well, and the damaged data came back",
    "deploy": "everything is deployed, and a backup of it restores",
    "verify": "the backup restores, and its data is the same",
    "drill": "the backup restores off the node, and its data is the same",
    "restore": "the backup is live, and its data was compared",
}
"""The verbs that prove something, with the claim that their end may make; the others are only done."""
DONE = {
    "check": "nothing is missing that a deployment needs",
    "plan": "the plans are shown below; nothing was changed",
    "deploy": "everything is deployed; no backup was compared",
    "status": "every part is well",
    "backup": "the backup is in the bucket",
    "restore": "the database was recovered to that moment; its rows were not compared",
    "destroy": "the app is destroyed; the bucket and its backups stay",
    "adopt": "the state names the stack's resources again",
    "unlock": "no lock stands in the way",
    "migrate-state": "both states are in their new place",
}
"""The sentence for a verb that ended well and proved nothing."""
INSTEAD = {
    ("drill", "physical drill"): "the physical backups recover on the node, and their rows are the same",
    ("restore", "recovery"): "the database was recovered to that moment, and its rows were compared",
}
"""The claim for a proof of another kind, by verb and proof."""

SIGNS: Mapping[Tone, str] = {"good": "✓", "bad": "✗", "warn": "!"}


@dataclass(frozen=True)
class Headline:
    """What a run came to.

    Args:
        word: the verdict.
        tone: whether it is good, bad, or something to look at.
        sentence: what that means.
    """

    word: str
    tone: Tone
    sentence: str

    @property
    def sign(self) -> str:
        """The tone for readers who do not see colours."""
        return SIGNS[self.tone]


def claim(verb: str, proofs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what the end of a run that ended well may claim; nothing when it compared nothing.

    Args:
        verb: the verb.
        proofs: its proofs by name. A restore to a moment without a proof point says `compared` false.
    """
    uncompared = verb == "restore" and any(proof.get("compared") is False for proof in proofs.values())
    if uncompared or not proofs:
        return ""
    others = [words for (of, name), words in INSTEAD.items() if of == verb and name in proofs]
    return others[0] if others else PROVES.get(verb, "")


def headline(run: Run) -> Headline:
    """Return the headline of a run.

    Args:
        run: the report as run.json holds it.
    """
    if run["exit_code"] is None:
        words = "The run has not ended. Reload later. If it no longer runs, it was killed."
        return Headline("Not ended", "warn", words)
    if run["error"]:
        return Headline(*_word_of_failure(run), run["error"]["cause"].partition("\n")[0])
    if claimed := claim(run["verb"], run["proofs"]):
        return Headline("Proven", "good", _proven(run, claimed))
    return Headline("Done", "good", _sentence(DONE.get(run["verb"], f"{run['verb']} ended well")))


def _word_of_failure(run: Run) -> tuple[str, Tone]:
    kind, code = run["error"]["kind"], run["exit_code"]
    if kind == "NotConfirmed":
        return "Not done", "warn"
    if kind == "SettingsError" and not run["steps"]:
        return "Not started", "bad"
    named: dict[int, tuple[str, Tone]] = {
        3: ("Refused", "warn"),
        5: ("Proven in part", "warn"),
        130: ("Interrupted", "warn"),
    }
    return named.get(code, ("Not proven" if run["verb"] in PROVES else "Failed", "bad"))


def _proven(run: Run, claimed: str) -> str:
    said = _sentence(f"{claimed}: {_counted(run['proofs'], 'proof')}")
    left = f" {_counted(run['not_proven'], 'thing')} this run cannot prove." if run["not_proven"] else ""
    return said + left


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _counted(things: Collection[object], what: str) -> str:
    return f"{len(things)} {what}{'s' if len(things) != 1 else ''}"
