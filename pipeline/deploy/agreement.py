"""The operator agrees before a node is removed: by an answer at a terminal, or by --yes."""

from collections.abc import Awaitable, Callable, Sequence

from pipeline.deployment import Deployment
from pipeline.errors import PlanRefused
from pipeline.tofu.plan import Change

Agree = Callable[[Deployment, Sequence[Change]], Awaitable[None]]
"""Gets the changes that remove something; raises an error if nobody agrees to them."""


async def note_agreement(d: Deployment, ended: Sequence[Change]) -> None:
    """Agree, because --yes was given or the plan was shown before, and note the changes."""
    d.progress.note(f"will be deleted or replaced, as agreed: {', '.join(map(str, ended))}")


async def refuse(d: Deployment, ended: Sequence[Change]) -> None:
    """Refuse, because there is no terminal to ask at.

    Raises:
        PlanRefused: always.
    """
    changes = ", ".join(map(str, ended))
    what = f"app: these changes need a confirmation, and there is no terminal to ask at: {changes}"
    shown = "run `quickdata plan`, read it, then run `quickdata deploy --plan DIR` with its folder"
    raise PlanRefused(what, d.advice(f"the app was not changed; {shown}; or give --yes"))
