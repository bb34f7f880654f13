"""The rules for a suffix in both stacks are those of the pipeline: one table of values for all three."""

import json
import re
import shutil

import pytest

from pipeline.machine.repository import REPOSITORY
from pipeline.steps.output import events
from tests.support.by_hand import terminal
from tests.support.suffixes import TABLE

STACKS = ("terraS3", "terraform")


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
