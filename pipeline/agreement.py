"""Whoever deploys agrees before a node ends: by an answer at a terminal, elsewhere by --yes."""

from collections.abc import Awaitable, Callable, Sequence

from pipeline.errors import PlanRefused
from pipeline.plan import Change
from pipeline.progress import Progress

Agree = Callable[[Progress, Sequence[Change]], Awaitable[None]]
"""Is told what ends; raises when nobody agrees to it."""


async def agreed(progress: Progress, ended: Sequence[Change]) -> None:
    """Agree: --yes was given, or the plan was shown before. Say to what."""
    progress.note(f"nodes end, as agreed: {', '.join(map(str, ended))}")


async def refused(_: Progress, ended: Sequence[Change]) -> None:
    """Refuse: there is nobody to ask.

    Raises:
        PlanRefused: always.
    """
    what = f"app: nodes would end, and nobody is here to agree to it: {', '.join(map(str, ended))}"
    mend = "nothing of the app was changed; read `quickdata plan`, then deploy that very plan (--plan DIR)"
    raise PlanRefused(what, f"{mend}, or give --yes")
