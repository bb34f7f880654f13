"""Which nodes a rehearsal has: containers with a Swarm where there is Docker, else directories."""

from pipeline import deploy, scripts
from pipeline.errors import ToolError
from pipeline.progress import Progress
from pipeline.rehearsal.docker import docker, images
from pipeline.rehearsal.nodes import BASE
from pipeline.rehearsal.rehearse import EMULATED, rehearse
from pipeline.rehearsal.swarm import stand_ins, stock, swarm
from pipeline.rehearsal.swarm_epilogue import swarm_epilogue
from pipeline.report import Report

AUTO, LOCAL, DOCKER = KINDS = ("auto", "local", "docker")

NOT_PROVEN = (
    "EC2's own machines: the nodes were containers, with Docker in them already",
    "the data volume formatted and mounted: its place was a directory",
    EMULATED,
)


async def rehearse_on(kind: str, progress: Progress, report: Report, suffix: str) -> None:
    """Rehearse on the nodes that are asked for; the first line says which, and why.

    Args:
        kind: one of KINDS; auto is docker where Docker answers and has the images or can pull them.
        progress: told of everything that happens.
        report: takes steps, plans, proofs, and what was not proven.
        suffix: the deployment's suffix, lower case.

    Raises:
        ToolError: docker was asked for, and cannot be had.
        PipelineError: something was not proven.
    """
    why = "asked for" if kind == LOCAL else await _missing(progress)
    if kind == DOCKER and why:
        raise ToolError(f"no nodes in Docker: {why}", "mend that, or rehearse with --nodes local")
    if why:
        progress.note(f"nodes: local, directories of this machine: {why}")
        await rehearse(progress, report, suffix)
    else:
        progress.note("nodes: docker, containers with a Swarm: Docker answers and has the images")
        await _on_swarm(progress, report, suffix)


async def _missing(progress: Progress) -> str:
    """Return why there can be no nodes in Docker, in a few words; empty when there can."""
    try:
        await docker("info")
    except ToolError as error:
        return f"Docker does not answer ({(error.tail or error.what).splitlines()[-1]})"
    wanted = {BASE, *(name for names in stock().values() for name in names)}
    for name in sorted(wanted - set(await images(wanted))):
        progress.note(f"… docker pull {name}")
        try:
            await docker("pull", "--quiet", name)
        except ToolError:
            return f"the image {name} is not here and cannot be pulled"
    return ""


async def _on_swarm(progress: Progress, report: Report, suffix: str) -> None:
    report.not_proven.extend(NOT_PROVEN)
    if found := await stand_ins():
        report.not_proven.append(f"these images themselves, for which stand-ins ran: {', '.join(found)}")
    async with swarm(progress, report, suffix) as s:
        deployed = await deploy.deploy(s.d)
        report.prove("deploy and verify", scripts.in_words(deployed.proof), **deployed.proof)
        progress.note(deploy.banner(s.d, deployed.outputs))
        await swarm_epilogue(s)
