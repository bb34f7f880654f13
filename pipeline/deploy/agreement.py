"""The operator agrees before a node is removed or stopped: by an answer at a terminal, or by --yes."""

from collections.abc import Awaitable, Callable, Sequence

from pipeline.deployment import Deployment
from pipeline.errors import PlanRefused
from pipeline.tofu.plan import Change

Agree = Callable[[Deployment, Sequence[Change]], Awaitable[None]]
"""Gets the changes that remove or stop something; raises an error if nobody agrees to them."""


async def note_agreement(d: Deployment, changes: Sequence[Change]) -> None:
    """Agree, because --yes was given or the plan was shown before, and note the changes."""
    d.progress.note(f"agreed beforehand: {', '.join(map(str, changes))}")


async def refuse(d: Deployment, changes: Sequence[Change]) -> None:
    """Refuse, because there is no terminal to ask at.

    Raises:
        PlanRefused: always.
    """
    told = ", ".join(map(str, changes))
    what = f"app: these changes need a confirmation, and there is no terminal to ask at: {told}"
    shown = "run `quickdata plan`, read it, then run `quickdata deploy --plan DIR` with its folder"
    raise PlanRefused(what, d.advice(f"the app was not changed; {shown}; or give --yes"))
