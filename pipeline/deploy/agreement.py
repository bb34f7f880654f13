"""Whoever deploys agrees before a node ends: by an answer at a terminal, elsewhere by --yes."""

from collections.abc import Awaitable, Callable, Sequence

from pipeline.deployment import Deployment
from pipeline.errors import PlanRefused
from pipeline.tofu.plan import Change

Agree = Callable[[Deployment, Sequence[Change]], Awaitable[None]]
"""Is told what ends; raises when nobody agrees to it."""


async def note_agreement(d: Deployment, ended: Sequence[Change]) -> None:
    """Agree: --yes was given, or the plan was shown before. Say to what."""
    d.progress.note(f"deleted or replaced, as agreed: {', '.join(map(str, ended))}")


async def refuse(d: Deployment, ended: Sequence[Change]) -> None:
    """Refuse: there is nobody to ask.

    Raises:
        PlanRefused: always.
    """
    what = f"app: this needs an agreement, and there is no terminal to ask at: {', '.join(map(str, ended))}"
    shown = "run `quickdata plan`, read it, then `quickdata deploy --plan DIR` with its folder"
    raise PlanRefused(what, d.advice(f"nothing of the app was changed; {shown}; or give --yes"))
