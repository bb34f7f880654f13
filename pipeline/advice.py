"""Advice that names a command: typed as it is written, it acts on the same states."""

import re

STATEFUL = "adopt|backup|check|deploy|destroy|plan|restore|status|unlock|verify"
"""The verbs that take `--state`."""
COMMAND = re.compile(rf"`quickdata ((?:{STATEFUL})\b(?![^`]*--state)[^`]*)`")


def placed(text: str, state: str) -> str:
    """Return advice with `--state` in each command that would else look for the states elsewhere.

    Args:
        text: the advice; its commands stand between backticks.
        state: where the states are kept, as `--state` says it.
    """
    return text if state == "local" else COMMAND.sub(rf"`quickdata \1 --state {state}`", text)


def about_lock(stack: str, state: str) -> str:
    """Return what to do about a lock of somebody else.

    Args:
        stack: whose state is locked.
        state: where the states are kept.
    """
    if state == "local":
        return "wait for the run that holds it, or end it with SIGINT: its lock goes with it"
    command = f"`quickdata unlock {stack}`"
    return placed(f"wait until that run has ended; when it is dead, break its lock with {command}", state)
