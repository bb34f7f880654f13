"""Advice for a caller of Dagger: a command of the console becomes the call that does the same."""

import re
import shlex
from collections.abc import Iterator
from inspect import Parameter, signature

from pipeline.verbs import NAMES, verb
from pipeline.verbs.options import option_of

COMMAND = re.compile(r"`quickdata ([a-z-]+)([^`]*)`")
LOCAL = re.compile(r"local\b")
STATE = re.compile(r" --state \w+")
"""An option of the module, which stands before the verb."""
CALL = "dagger -m . call"


def for_dagger(text: str) -> str:
    """Return a text whose commands can be typed by a caller of Dagger.

    Args:
        text: its commands stand between backticks. One that only makes sense in a checkout stays as it is.
    """
    return COMMAND.sub(_replaced, text)


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
    words = _words(shlex.split(STATE.sub("", rest)), own)
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
