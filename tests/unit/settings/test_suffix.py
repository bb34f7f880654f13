"""The rules for a suffix, in Python and in both stacks: one table of values for all three."""

import json
import re
import shutil

import pytest

from pipeline.machine.repository import REPOSITORY
from pipeline.settings.invisible import unseen
from pipeline.settings.suffix import valid_suffix
from pipeline.steps.output import events
from tests.support.by_hand import terminal

STACKS = ("terraS3", "terraform")
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


@pytest.mark.parametrize(("suffix", "rule"), TABLE.items())
def test_the_pipeline_allows_a_suffix_or_names_the_rule(suffix: str, rule: str) -> None:
    if not rule:
        assert valid_suffix(suffix) == suffix.lower()
        return
    first = re.escape(unseen(suffix))  # named before any rule
    with pytest.raises(ValueError, match=first or rf"^{rule}.*; export .*(ppr|team-7)$"):
        valid_suffix(suffix)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """What the variables of both stacks say of every suffix: each is a module without resources."""
    person = terminal(tmp_path_factory.mktemp("suffix"))
    folder = person.infrastructure / "suffixes"
    modules = {}
    for stack in STACKS:
        (folder / stack).mkdir(parents=True)
        shutil.copy(REPOSITORY / "infrastructure" / stack / "variables.tf", folder / stack)
        for number, suffix in enumerate(TABLE):
            literal = suffix.replace("${", "$${")
            modules[f"{stack}-{number}"] = {"source": f"./{stack}", "bucket_suffix": literal}
    (folder / "main.tf.json").write_text(json.dumps({"module": modules}))
    person.run("suffixes", person.tofu, "init")
    planned = person.type("suffixes", person.tofu, "plan", "-json")
    return {
        stack: {
            suffix: _refusals(planned.said, f"module.{stack}-{number}") for number, suffix in enumerate(TABLE)
        }
        for stack in STACKS
    }


def _refusals(text: str, module: str) -> list[str]:
    found = [each["diagnostic"] for each in events(text) if each["type"] == "diagnostic"]
    return [each["detail"] for each in found if each["snippet"]["context"] == module]


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(("suffix", "rule"), TABLE.items())
def test_the_stacks_allow_the_same_and_name_the_same_rule(
    said: dict[str, dict[str, list[str]]], stack: str, suffix: str, rule: str
) -> None:
    refusals = said[stack][suffix]
    assert bool(refusals) == bool(rule), refusals
    assert all(
        rule in each and re.search("set TF_VAR_bucket_suffix .*(ppr|team-7)", each) for each in refusals
    )


def test_both_stacks_say_it_in_the_same_words(said: dict[str, dict[str, list[str]]]) -> None:
    """But for the line where the rule stands."""

    def told(stack: str) -> dict[str, list[str]]:
        return {suffix: [each.partition("\n")[0] for each in found] for suffix, found in said[stack].items()}

    assert told("terraS3") == told("terraform")
