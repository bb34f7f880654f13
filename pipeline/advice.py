"""Advice with commands: a command that is typed as written acts on the states of the same place."""

import re

STATEFUL = "adopt|backup|check|deploy|destroy|drill --physical|plan|restore|status|tunnel|unlock|verify"
"""The commands that take `--state`. Only a drill of the physical backups uses a state."""
COMMAND = re.compile(rf"`quickdata ((?:{STATEFUL})\b(?![^`]*--state)[^`]*)`")


def placed(text: str, state: str) -> str:
    """Return advice with `--state` added to each command that needs it.

    Args:
        text: the advice, with its commands between backticks.
        state: where the states are kept, as a value of `--state`.
    """
    return text if state == "local" else COMMAND.sub(rf"`quickdata \1 --state {state}`", text)


def about_lock(stack: str, state: str) -> str:
    """Return what to do about a lock that another run holds.

    Args:
        stack: the stack whose state is locked.
        state: where the states are kept.
    """
    if state == "local":
        return "wait for the run that holds the lock, or end that run with SIGINT: this releases the lock"
    command = f"`quickdata unlock {stack}`"
    return placed(f"wait until that run has ended; if it is dead, remove its lock with {command}", state)
