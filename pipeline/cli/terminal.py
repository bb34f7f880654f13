"""Questions at a terminal, and what happens where there is none to ask at."""

import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio
import click

from pipeline.deploy.agreement import Agree, note_agreement, refuse
from pipeline.deployment import Deployment
from pipeline.errors import NotConfirmed, SettingsError
from pipeline.reporting.progress import Progress
from pipeline.tofu.plan import GOES, Change

LOCAL = 3
"""Where termios keeps the local modes, such as the echo."""


def _at_a_terminal() -> bool:
    """Tell whether a question can be seen and answered; a stream that was closed is None."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def require_answer(yes: bool) -> None:
    """Find out before anything is done that a question could not be asked.

    Args:
        yes: the answer was given on the command line.

    Raises:
        SettingsError: it was not, and there is no terminal.
    """
    if not yes and not _at_a_terminal():
        what = "this verb needs a confirmation, but there is no terminal"
        raise SettingsError(what, "add --yes to confirm")


async def confirm(progress: Progress, question: str, otherwise: str = "nothing was done") -> None:
    """Ask in the middle of a run; an interrupt ends the question as it ends everything else.

    What was typed before is no answer to it.

    Args:
        progress: pauses for the question.
        question: names what would happen.
        otherwise: how things are when the answer is no.

    Raises:
        NotConfirmed: the answer is no.
    """
    with progress.paused(otherwise):
        answer = await _answer(f"{question} [y/N]: ")
    if answer.strip().lower() not in ("y", "yes"):
        raise NotConfirmed(f"not confirmed: {otherwise}", "to go on, run it again and answer y")


async def _answer(question: str) -> str:
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    click.echo(question, nl=False, err=True)
    await anyio.wait_readable(sys.stdin)
    return sys.stdin.readline()


def agreement(yes: bool) -> Agree:
    """Return how `deploy` learns whether nodes may end or stop.

    Args:
        yes: the answer was given on the command line.
    """
    if yes:
        return note_agreement
    return _ask_about_nodes if _at_a_terminal() else refuse


async def _ask_about_nodes(d: Deployment, changes: Sequence[Change]) -> None:
    gone = [f"  {change}" for change in changes if change.action in GOES]
    stopped = [f"  {change}" for change in changes if change.action not in GOES]
    if gone:
        told = "The plan deletes or replaces these resources. Data that is only on their disks will be lost."
        d.progress.note("\n".join([told, *gone]))
    if stopped:
        d.progress.note("\n".join(["The plan stops these nodes for a time:", *stopped]))
    await confirm(d.progress, "Continue?", "the app was not changed")


async def vault_password(progress: Progress) -> dict[str, str]:
    """Return the vault's password, typed at the terminal, by the variables' names: it counts, and no file's.

    Args:
        progress: pauses for the question.

    Raises:
        SettingsError: there is no terminal.
    """
    if not _at_a_terminal():
        what = "--ask-vault-password asks, but there is no terminal"
        raise SettingsError(what, "set VAULT_PASSWORD or ANSIBLE_VAULT_PASSWORD_FILE instead")
    with progress.paused("nothing was done"), _hidden():
        typed = await _answer("Vault password: ")
    return {"VAULT_PASSWORD": typed.rstrip("\n"), "ANSIBLE_VAULT_PASSWORD_FILE": ""}


@contextmanager
def _hidden() -> Iterator[None]:
    """Do not show what is typed, only the end of its line."""
    before = termios.tcgetattr(sys.stdin)
    hidden = termios.tcgetattr(sys.stdin)
    hidden[LOCAL] = hidden[LOCAL] & ~termios.ECHO | termios.ECHONL
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
