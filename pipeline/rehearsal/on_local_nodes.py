"""A rehearsal on local nodes: the whole deployment against LocalStack, then damage, restore and proofs."""

from pipeline.backups import node
from pipeline.deploy import order as deploy
from pipeline.rehearsal.local_nodes import (
    OpenSurroundings,
    local_deployment,
    prepare,
    rehearse_on_this_machine,
)
from pipeline.rehearsal.proofs import PROOFS, expecting, run_epilogue
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report

EMULATED = "IAM permissions (LocalStack does not enforce them)"

NOT_PROVEN = (
    "installing Docker, forming the Swarm and running the stack (local nodes have no Docker)",
    "installing and running cron (the command of its file ran in cron's environment instead)",
    "SSH, and formatting and mounting the data volume (local nodes are directories)",
    "a recovery to a moment (local nodes have no container with pgBackRest)",
    EMULATED,
)


async def rehearse(
    progress: Progress, report: Report, suffix: str, place: OpenSurroundings = rehearse_on_this_machine
) -> None:
    """Deploy against LocalStack, damage and restore, deploy again, destroy the app.

    Args:
        progress: shows notes and steps to the user.
        report: records steps, plans and proofs.
        suffix: the deployment's suffix, lower case.
        place: where the servers run and the steps are executed.

    Raises:
        PipelineError: a step or a proof failed.
    """
    report.not_proven.extend(NOT_PROVEN)
    with expecting(report, PROOFS):
        async with place(progress, report) as (surroundings, bench):
            d = local_deployment(surroundings, suffix, progress, report, bench)
            await prepare(d, surroundings)
            deployed = await deploy.deploy(d)
            report.prove("deploy and verify", node.in_words(deployed.proof), **deployed.proof)
            await run_epilogue(d, surroundings)
