"""Whoever deploys agrees before a node ends: by an answer at a terminal, elsewhere by --yes."""

from collections.abc import Awaitable, Callable, Sequence

from pipeline.deployment import Deployment
from pipeline.errors import PlanRefused
from pipeline.plan import Change

Agree = Callable[[Deployment, Sequence[Change]], Awaitable[None]]
"""Is told what ends; raises when nobody agrees to it."""


async def agreed(d: Deployment, ended: Sequence[Change]) -> None:
    """Agree: --yes was given, or the plan was shown before. Say to what."""
    d.progress.note(f"nodes end, as agreed: {', '.join(map(str, ended))}")


async def refused(d: Deployment, ended: Sequence[Change]) -> None:
    """Refuse: there is nobody to ask.

    Raises:
        PlanRefused: always.
    """
    what = f"app: nodes would end, and nobody is here to agree to it: {', '.join(map(str, ended))}"
    mend = "nothing of the app was changed; read `quickdata plan`, then deploy that very plan (--plan DIR)"
    raise PlanRefused(what, d.advice(f"{mend}, or give --yes"))
