"""Advice for a caller of Dagger: a command of the console becomes a call, a variable becomes an option."""

import re
import shlex
from collections.abc import Iterator, Mapping
from inspect import Parameter, signature
from itertools import pairwise
from typing import get_args

from pipeline.containers.options import VARIABLES, option_for_variable, variable
from pipeline.containers.parameters import PLANS
from pipeline.errors import OTHER_REGIONS
from pipeline.verbs import NAMES, verb
from pipeline.verbs.options import option_of, without_none

CALL = "dagger -m . call …"
"""How every call begins; the inputs stand for themselves: the caller has typed them."""
ANSWERED = ("adopt", "unlock")
"""Verbs whose advice has the answer in it: the error that gives it has said what they would show."""
OPTIONS = {"--id": "--backup-id", "--json": "--as-json"}
"""Options of the console that have another name here, where a text names them alone."""
OPTION = re.compile(r"(?<![\w-])(--id|--json)(?![\w-])")
NAMED = {name: option_for_variable(name) for name in map(variable, VARIABLES)}
NAMED |= {"QUICKDATA_PROVIDER_MIRROR": "--provider-mirror"}
VARIABLE = re.compile(rf"(?<![\w(/$-])({'|'.join(sorted(NAMED, key=len, reverse=True))})(?!\w)")
"""A variable in a text, but for one behind env:// or in brackets behind its option."""
LOCAL = {(name, "local") for name in ("--from", "--to", "--state")}
"""What only a checkout has."""
PROBLEM = re.compile(r"^  ([A-Z][A-Za-z0-9_]+): (.*)$", re.MULTILINE)
"""A line of a SettingsError: a variable's name, and what is wrong with it."""
OF_A_PROFILE = ", or fix the profile"
NOT_GIVEN = {
    "AWS_ACCESS_KEY_ID": "give both halves of a key pair, or --aws-role-arn with --aws-web-identity-token",
    "QUICKDATA_SSH_KEY": "give the nodes' private key, such as file://$HOME/.ssh/id_ed25519",
    "VAULT_PASSWORD": "give it, such as env://VAULT_PASSWORD",
}
"""What to give in the place of what a machine has by itself: a profile, a file of the user's."""


def for_dagger(text: str) -> str:
    """Return a text of ours in which all that is to be typed can be typed by a caller of Dagger.

    Args:
        text: its commands stand between backticks. One that only makes sense in a checkout stays as it is.
    """
    around, *pieces = text.replace(str(PLANS), "plan").split("`")
    told = [_told(around)]
    for number, piece in enumerate(pieces):
        told.append(_command(piece) if number % 2 == 0 else _told(piece))
    return "`".join(told)


def problems_for_dagger(text: str, given: Mapping[str, str]) -> str:
    """Return what is wrong with inputs, by the module's options.

    Args:
        text: a SettingsError's, by the variables' names.
        given: the values by the variables' names.
    """

    def told(problem: re.Match[str]) -> str:
        name, said = problem.groups()
        if name in NOT_GIVEN and not given.get(name):
            said = f"not given; {NOT_GIVEN[name]}"
        said = said.replace("export", "give").removesuffix(OF_A_PROFILE)
        return f"  {option_for_variable(name)} ({name}): {said}"

    return PROBLEM.sub(told, text)


def _told(text: str) -> str:
    text = OPTION.sub(lambda option: OPTIONS[option[0]], text)
    text = text.replace(OTHER_REGIONS, "")
    return VARIABLE.sub(lambda named: NAMED[named[0]], text).replace("export --", "give --")


def _command(text: str) -> str:
    """Return a command of the console as the call that does the same; another one stays as it is."""
    try:
        program, name, *words = shlex.split(text)
    except ValueError:  # it is none, or a name with a backtick in it has cut it off
        return text
    if program != "quickdata" or name not in NAMES or LOCAL & set(pairwise(words)):
        return text
    _, *own = signature(verb(name)).parameters.values()
    inputs, options = _sorted(words, own)
    return " ".join([CALL, *inputs, name, *options, *(["--yes"] if name in ANSWERED else [])])


def _sorted(words: list[str], own: list[Parameter]) -> tuple[list[str], list[str]]:
    """Return the words that stand before a verb, and those that follow it."""
    names = {f"--{option_of(each).name or _dashed(each)}": each for each in own}
    arguments, rest = iter([each for each in own if option_of(each).argument]), iter(words)
    inputs, options = [], []
    for word in rest:
        if word == "--state":  # an option of the module
            inputs += [word, next(rest, "")]
        elif word in names:
            options += _option(names[word], rest)
        elif word.startswith("-") or not (argument := next(arguments, None)):
            options.append(shlex.quote(word))
        else:
            options += [f"--{_dashed(argument)}", shlex.quote(word)]
    return inputs, options


def _option(parameter: Parameter, rest: Iterator[str]) -> list[str]:
    """Return an option of a verb with its value; nothing where only a terminal has it."""
    option, flag = option_of(parameter), without_none(get_args(parameter.annotation)[0]) is bool
    value = [] if flag else [shlex.quote(next(rest, ""))]
    if option.terminal_only:
        return []
    return ["-o" if option.folder == "written" else f"--{_dashed(parameter)}", *value]


def _dashed(parameter: Parameter) -> str:
    return parameter.name.strip("_").replace("_", "-")
