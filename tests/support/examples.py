"""The examples that the verbs' own help gives."""

import re
import shlex

from tests.support.verbs import COMMANDS


def example(verb: str) -> list[str]:
    """Return the example of a verb's help as it can be typed where there is no terminal to ask at."""
    words = re.findall(r"^ *Example: quickdata (.+)$", COMMANDS[verb].help or "", re.MULTILINE)[0]
    return [word for word in shlex.split(words) if word != "--ask-vault-password"]
