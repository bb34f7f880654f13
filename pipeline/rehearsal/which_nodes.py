"""Which nodes a rehearsal has: containers with a Swarm where there is Docker, else directories."""

import shutil

from pipeline.backups import node
from pipeline.deploy import order as deploy
from pipeline.errors import ToolError
from pipeline.rehearsal.docker_nodes import BASE, remove_dead_ones
from pipeline.rehearsal.local_nodes import OpenSurroundings
from pipeline.rehearsal.on_local_nodes import EMULATED, rehearse
from pipeline.rehearsal.proofs_on_swarm import run_swarm_epilogue
from pipeline.rehearsal.swarm import find_stand_ins, stock, swarm
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.docker import docker, inspect_images

AUTO, LOCAL, DOCKER = KINDS = ("auto", "local", "docker")

NOT_PROVEN = (
    "EC2's own machines: the nodes were containers, with Docker in them already",
    "the data volume formatted and mounted: its place was a directory",
    EMULATED,
)


async def rehearse_on(
    kind: str, progress: Progress, report: Report, suffix: str, place: OpenSurroundings | None = None
) -> None:
    """Rehearse on the nodes that are asked for; the first line says which, and why.

    Args:
        kind: one of KINDS; auto is docker where Docker answers and has the images or can pull them.
        progress: told of everything that happens.
        report: takes steps, plans, proofs, and what was not proven.
        suffix: the deployment's suffix, lower case.
        place: where the servers run, with local nodes beside them; None is this machine.

    Raises:
        ToolError: docker was asked for, and cannot be had.
        PipelineError: something was not proven.
    """
    if place:
        await rehearse(progress, report, suffix, place)
        return
    await remove_dead_ones(progress)
    why = "asked for" if kind == LOCAL else await _why_no_docker(progress)
    if kind == DOCKER and why:
        raise ToolError(f"no nodes in Docker: {why}", "fix that, or rehearse with --nodes local")
    if why:
        _say(progress, report, f"nodes: local, directories of this machine: {why}")
        await rehearse(progress, report, suffix)
    else:
        reason = "asked for" if kind == DOCKER else "Docker answers and has the images"
        _say(progress, report, f"nodes: docker, containers with a Swarm: {reason}")
        await _on_swarm(progress, report, suffix)


def _say(progress: Progress, report: Report, choice: str) -> None:
    progress.note(choice)
    report.facts["nodes"] = choice


async def _why_no_docker(progress: Progress) -> str:
    """Return why there can be no nodes in Docker, in a few words; empty when there can."""
    for program in ("ssh", "ssh-keygen"):
        if not shutil.which(program):
            return f"{program} is not on this machine"
    try:
        await docker("version", "--format", "{{.Server.Version}}")
        where = await docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    except ToolError as error:
        return f"Docker does not answer ({last_words(error)})"
    if not where.startswith("unix://"):
        return f"Docker is not on this machine, but at {where}"
    return await _pull_missing(progress)


async def _pull_missing(progress: Progress) -> str:
    """Return which image cannot be had, and why; empty when all are here."""
    needed = {BASE, *(name for names in stock().values() for name in names)}
    missing = sorted(needed - set(await inspect_images(needed)))
    if missing:
        progress.note("nodes: docker, if the images that it lacks can be pulled: Docker answers")
    for name in missing:
        progress.note(f"… docker pull {name}")
        try:
            await docker("pull", "--quiet", name)
        except ToolError as error:
            return f"the image {name} is not here and cannot be pulled ({last_words(error)})"
    return ""


def last_words(error: ToolError) -> str:
    """Return the last line of what a tool has said of its failure."""
    return (error.tail or error.what).splitlines()[-1]


async def _on_swarm(progress: Progress, report: Report, suffix: str) -> None:
    report.not_proven.extend(NOT_PROVEN)
    if stand_ins := await find_stand_ins():
        report.not_proven.append(f"these images themselves, for which stand-ins ran: {', '.join(stand_ins)}")
    async with swarm(progress, report, suffix) as s:
        deployed = await deploy.deploy(s.d)
        report.prove("deploy and verify", node.in_words(deployed.proof), **deployed.proof)
        await run_swarm_epilogue(s)
