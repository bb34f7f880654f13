"""The verb `plan`."""

import json
from pathlib import Path, PurePosixPath
from typing import Annotated

from typing_extensions import Doc

from pipeline.deploy.preview import preview
from pipeline.deploy.preview_document import document
from pipeline.deploy.saved_plans import SavedPlans, holds_nothing_else
from pipeline.verbs.call import DeploymentCall
from pipeline.verbs.options import AsJson, Option, wrong

FOLDER = PurePosixPath("plan")
CHANGES = 2
"""Exit code of `plan --detailed-exitcode`, as OpenTofu's own."""


def plan_to_write(value: Path) -> PurePosixPath:
    """Return a folder that holds nothing but an earlier plan: its rights are changed, its files replaced.

    Raises:
        ValueError: it holds something else, or nobody can tell.
    """
    folder = value.absolute()
    try:
        ours = not folder.is_dir() or holds_nothing_else(folder)
    except OSError as error:
        raise wrong(value, f"cannot be read ({error.strerror}); name another folder") from None
    if not ours:
        raise wrong(value, "holds files that are not a plan; name an empty or a new folder")
    return PurePosixPath(folder)


Out = Annotated[
    PurePosixPath,
    Doc("Where the plans are kept, readable by you alone."),
    Option(plan_to_write, metavar="DIR", folder="written"),
]
DetailedExitcode = Annotated[
    bool,
    Doc("Exit with 2 when there are changes, deferred ones too, and with 0 when there are none."),
    Option(terminal_only=True),
]  # a Dagger function that returns a folder has no exit code


async def plan(
    call: DeploymentCall,
    out: Out = FOLDER,
    detailed_exitcode: DetailedExitcode = False,
    as_json: AsJson = False,
) -> None:
    """Show what deploy would do, on one page, and keep the plans; change nothing.

    Changes that cannot be known before the bucket, the app or the nodes exist are shown as deferred: deploy
    plans them later. A plan that the gate refuses is shown, not kept, and ends with exit code 3.

    plan.json holds counts only, for GitLab's artifacts:reports:terraform. The plans beside it hold the same
    secrets as the states: upload plan.json alone.

    Example: quickdata plan --out plan
    """
    async with call.deployment() as d:
        seen = await preview(d, SavedPlans(out))
        d.report.findings.append(seen.page())
        if as_json:
            call.answer(json.dumps(document(seen)), "json")
        seen.require_allowed()
    if detailed_exitcode and seen.changes:
        call.exit_code = CHANGES
