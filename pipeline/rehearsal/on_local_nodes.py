"""A rehearsal on local nodes: the whole deployment against LocalStack, then its epilogue."""

from pipeline.backups import node
from pipeline.deploy import order as deploy
from pipeline.rehearsal.local_nodes import (
    OpenSurroundings,
    local_deployment,
    prepare,
    rehearse_on_this_machine,
)
from pipeline.rehearsal.proofs import run_epilogue
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report

EMULATED = "what IAM denies: LocalStack enforces no policy"

NOT_PROVEN = (
    "Docker installed, the Swarm formed, the stack running: local nodes run no Docker",
    "cron installed and started: its file's very line was run in cron's environment",
    "SSH, the data volume formatted and mounted: local nodes are directories",
    EMULATED,
)


async def rehearse(
    progress: Progress, report: Report, suffix: str, place: OpenSurroundings = rehearse_on_this_machine
) -> None:
    """Deploy against LocalStack, damage and restore, deploy again, destroy the app.

    Args:
        progress: told of everything that happens.
        report: takes steps, plans and proofs.
        suffix: the deployment's suffix, lower case.
        place: where the servers run and the steps are executed.

    Raises:
        PipelineError: something was not proven.
    """
    report.not_proven.extend(NOT_PROVEN)
    async with place(progress) as (surroundings, bench):
        d = local_deployment(surroundings, suffix, progress, report, bench)
        await prepare(d, surroundings)
        deployed = await deploy.deploy(d)
        report.prove("deploy and verify", node.in_words(deployed.proof), **deployed.proof)
        await run_epilogue(d, surroundings)
