"""Advice for a caller of Dagger: a command of the console becomes a call, a variable becomes an option."""

import re
import shlex
from collections.abc import Iterator, Mapping
from inspect import Parameter, signature

from pipeline.containers.options import option_for_variable
from pipeline.containers.parameters import PLANS
from pipeline.verbs import NAMES, verb
from pipeline.verbs.options import option_of

OPTIONS = {"--id": "--backup-id", "--json": "--as-json"}
"""Options of the console that have another name here, where a text names them alone."""
COMMAND = re.compile(r"`quickdata ([a-z-]+)([^`]*)`")
OPTION = re.compile(r"(?<![\w-])(--id|--json)(?![\w-])")
LOCAL = re.compile(r"local\b")
STATE = re.compile(r" --state \w+")
"""An option of the module, which stands before the verb."""
CALL = "dagger -m . call"
ANSWERED = ("adopt", "unlock")
"""Verbs whose advice has the answer in it: they ask at a terminal, and here there is none."""
PROBLEM = re.compile(r"^  ([A-Z][A-Za-z0-9_]+): (.*)$", re.MULTILINE)
"""A line of a SettingsError: a variable's name, and what is wrong with it."""
NOT_GIVEN = {
    "AWS_ACCESS_KEY_ID": "give both halves of a key pair, or --aws-role-arn with --aws-web-identity-token",
    "QUICKDATA_SSH_KEY": "give the nodes' private key, such as file://$HOME/.ssh/id_ed25519",
    "VAULT_PASSWORD": "give it, such as env://VAULT_PASSWORD",
}
"""What to give in the place of what a machine has by itself: a profile, a file of the user's."""


def for_dagger(text: str) -> str:
    """Return a text whose commands can be typed by a caller of Dagger.

    Args:
        text: its commands stand between backticks. One that only makes sense in a checkout stays as it is.
    """
    text = OPTION.sub(lambda option: OPTIONS[option[0]], text.replace(str(PLANS), "plan"))
    return COMMAND.sub(_replaced, text)


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
        return f"  {option_for_variable(name)} ({name}): {said.replace('export', 'give')}"

    return PROBLEM.sub(told, text)


def _replaced(command: re.Match[str]) -> str:
    try:
        return f"`{_call(command[1], command[2])}`"
    except ValueError:  # a name with a backtick in it cuts the command off
        return command[0]


def _call(name: str, rest: str) -> str:
    if name not in NAMES or LOCAL.search(rest):
        return f"quickdata {name}{rest}"
    _, *own = signature(verb(name)).parameters.values()
    state = STATE.search(rest)
    words = [*_words(shlex.split(STATE.sub("", rest)), own), *(["--yes"] if name in ANSWERED else [])]
    return " ".join([CALL, *([state[0].strip()] if state else []), name, *words])


def _words(words: list[str], own: list[Parameter]) -> Iterator[str]:
    names = {f"--{option_of(each).name or _dashed(each)}": each for each in own}
    arguments = iter([each for each in own if option_of(each).argument])
    for word in words:
        option = names.get(word)
        if option is not None and option_of(option).folder == "written":
            yield "-o"
        elif option is not None and not option_of(option).terminal_only:
            yield f"--{_dashed(option)}"
        elif option is None and not word.startswith("-") and (argument := next(arguments, None)):
            yield from (f"--{_dashed(argument)}", word)
        elif option is None:
            yield shlex.quote(word)


def _dashed(parameter: Parameter) -> str:
    return parameter.name.strip("_").replace("_", "-")
