"""The rules for a suffix in both stacks are those of the pipeline: one table of values for all three."""

import json
import re
import shutil

import pytest

from pipeline.machine.repository import REPOSITORY
from pipeline.settings.suffix import BASE_NAME, longest_suffix
from pipeline.steps.output import events
from tests.support.by_hand import Terminal, terminal
from tests.support.suffixes import BASE_NAMES, TABLE

STACKS = ("terraS3", "terraform")
LONGEST = longest_suffix(BASE_NAME)


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
            modules[f"{stack}-{number}"] = {"source": f"../suffixes/{stack}", "bucket_suffix": literal}
        for number, base in enumerate(BASE_NAMES):
            named = {"s3_bucket_base_name": base.replace("${", "$${"), "bucket_suffix": "7"}
            modules[f"{stack}-base-{number}"] = {"source": f"../suffixes/{stack}"} | named
    # A length that follows from the base name is looked at where nothing else is wrong.
    long = {name: each for name, each in modules.items() if len(each["bucket_suffix"]) > LONGEST}
    others = {name: each for name, each in modules.items() if name not in long}
    planned = _planned(person, "suffixes", others) + _planned(person, "too-long", long)
    return {
        stack: {
            kind + value: _refusals(planned, f"module.{stack}-{kind}{number}")
            for kind, table in (("", TABLE), ("base-", BASE_NAMES))
            for number, value in enumerate(table)
        }
        for stack in STACKS
    }


def _planned(person: Terminal, folder: str, modules: dict[str, dict[str, str]]) -> str:
    (person.infrastructure / folder).mkdir(exist_ok=True)
    (person.infrastructure / folder / "main.tf.json").write_text(json.dumps({"module": modules}))
    person.run(folder, person.tofu, "init")
    return person.type(folder, person.tofu, "plan", "-json").said + "\n"


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


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(("base", "rule"), BASE_NAMES.items())
def test_the_stacks_allow_the_same_base_names_and_name_the_same_rule(
    said: dict[str, dict[str, list[str]]], stack: str, base: str, rule: str
) -> None:
    refusals = [each for each in said[stack]["base-" + base] if "s3_bucket_base_name" in each]
    assert bool(refusals) == bool(rule), refusals
    assert any(rule in each for each in refusals) or not rule
    assert all("set TF_VAR_s3_bucket_base_name to one like team-backups" in each for each in refusals)


def test_both_stacks_say_it_in_the_same_words(said: dict[str, dict[str, list[str]]]) -> None:
    """But for the line where the rule stands."""

    def told(stack: str) -> dict[str, list[str]]:
        return {suffix: [each.partition("\n")[0] for each in found] for suffix, found in said[stack].items()}

    assert told("terraS3") == told("terraform")
