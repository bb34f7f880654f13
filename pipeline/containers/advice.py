"""Translate advice for Dagger: a console command becomes a call, a variable becomes an option."""

import re
import shlex
from collections.abc import Iterator, Mapping
from inspect import Parameter, signature
from itertools import pairwise
from typing import get_args

from pipeline.containers.options import VARIABLES, option_for_variable, variable
from pipeline.containers.parameters import PLANS
from pipeline.errors import OTHER_REGIONS
from pipeline.verbs import IN_DAGGER, verb
from pipeline.verbs.options import option_of, without_none

CALL = "dagger -m . call …"
"""The beginning of every call; … stands for the inputs, which the caller has already typed."""
ANSWERED = ("adopt", "unlock")
"""Verbs that get --yes in advice: the error with the advice has already shown what they would do."""
OPTIONS = {"--id": "--backup-id", "--json": "--as-json"}
"""Console options with another name under Dagger, for texts that name an option without its verb."""
OPTION = re.compile(r"(?<![\w-])(--id|--json)(?![\w-])")
NAMED = {name: option_for_variable(name) for name in map(variable, VARIABLES)}
NAMED |= {"QUICKDATA_PROVIDER_MIRROR": "--provider-mirror"}
VARIABLE = re.compile(rf"(?<![\w(/$-])({'|'.join(sorted(NAMED, key=len, reverse=True))})(?!\w)")
"""A variable in a text, except after env:// or in brackets after its option."""
LOCAL = {(name, "local") for name in ("--from", "--to", "--state")}
"""Options that make sense only in a checkout."""
PROBLEM = re.compile(r"^  ([A-Z][A-Za-z0-9_]+): (.*)$", re.MULTILINE)
"""A line of a SettingsError: a variable's name, and the problem."""
OF_A_PROFILE = ", or fix the profile"
NOT_GIVEN = {
    "AWS_ACCESS_KEY_ID": "give both halves of a key pair, or --aws-role-arn with --aws-web-identity-token",
    "QUICKDATA_SSH_KEY": "give the nodes' private key, such as file://$HOME/.ssh/id_ed25519",
    "VAULT_PASSWORD": "give the password, such as env://VAULT_PASSWORD",
}
"""Advice for inputs that a terminal would take from a profile or a file of the user."""


def for_dagger(text: str) -> str:
    """Return a text of the pipeline with its commands, options and variables written for Dagger.

    Args:
        text: the text, with its commands between backticks. A command that needs a checkout is not changed.
    """
    around, *pieces = text.replace(str(PLANS), "plan").split("`")
    told = [_told(around)]
    for number, piece in enumerate(pieces):
        told.append(_command(piece) if number % 2 == 0 else _told(piece))
    return "`".join(told)


def problems_for_dagger(text: str, given: Mapping[str, str]) -> str:
    """Return a SettingsError's text with the module's options instead of variables.

    Args:
        text: the error's text, with the names of variables.
        given: the values by variable name.
    """

    def told(problem: re.Match[str]) -> str:
        name, said = problem.groups()
        if name in NOT_GIVEN and not given.get(name):
            said = f"is not given; {NOT_GIVEN[name]}"
        said = said.replace("export", "give").removesuffix(OF_A_PROFILE)
        return f"  {option_for_variable(name)} ({name}): {said}"

    return PROBLEM.sub(told, text)


def _told(text: str) -> str:
    text = OPTION.sub(lambda option: OPTIONS[option[0]], text)
    text = text.replace(OTHER_REGIONS, "")
    return VARIABLE.sub(lambda named: NAMED[named[0]], text).replace("export --", "give --")


def _command(text: str) -> str:
    """Return a console command as the call that does the same; any other text is not changed."""
    try:
        program, name, *words = shlex.split(text)
    except ValueError:  # it is not a command, or a name with a backtick has cut it off
        return text
    if program != "quickdata" or name not in IN_DAGGER or LOCAL & set(pairwise(words)):
        return text
    _, *own = signature(verb(name)).parameters.values()
    inputs, options = _sorted(words, own)
    return " ".join([CALL, *inputs, name, *options, *(["--yes"] if name in ANSWERED else [])])


def _sorted(words: list[str], own: list[Parameter]) -> tuple[list[str], list[str]]:
    """Return the words that go before a verb, and the words that follow it."""
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
    """Return an option of a verb with its value; nothing if only a terminal has the option."""
    option, flag = option_of(parameter), without_none(get_args(parameter.annotation)[0]) is bool
    value = [] if flag else [shlex.quote(next(rest, ""))]
    if option.terminal_only:
        return []
    return ["-o" if option.folder == "written" else f"--{_dashed(parameter)}", *value]


def _dashed(parameter: Parameter) -> str:
    return parameter.name.strip("_").replace("_", "-")
