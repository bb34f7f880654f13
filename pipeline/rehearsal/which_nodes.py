"""Which nodes a rehearsal uses: containers with a Swarm if Docker runs, else directories."""

import shutil

from pipeline.backups import node
from pipeline.deploy import order as deploy
from pipeline.errors import ToolError
from pipeline.rehearsal import physical
from pipeline.rehearsal.docker_nodes import BASE, remove_dead_ones
from pipeline.rehearsal.local_nodes import OpenSurroundings
from pipeline.rehearsal.on_local_nodes import EMULATED, rehearse
from pipeline.rehearsal.proofs import expecting
from pipeline.rehearsal.proofs_on_swarm import PHYSICAL, PROOFS, run_swarm_epilogue
from pipeline.rehearsal.swarm import find_stand_ins, stock, swarm
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.servers.docker import docker, inspect_images
from pipeline.steps.failures import PITR_OFF

AUTO, LOCAL, DOCKER = KINDS = ("auto", "local", "docker")

NOT_PROVEN = (
    "nodes on EC2 (here they were containers that already had Docker)",
    "formatting and mounting the data volume (here it was a directory)",
    EMULATED,
)


async def rehearse_on(
    kind: str, progress: Progress, report: Report, suffix: str, place: OpenSurroundings | None = None
) -> None:
    """Rehearse on nodes of the given kind; the first line says which nodes, and why.

    Args:
        kind: one of KINDS; auto means docker if Docker runs and has the images or can get them.
        progress: shows notes and steps to the user.
        report: records steps, plans, proofs, and what was not proven.
        suffix: the deployment's suffix, lower case.
        place: where the servers and the local nodes run; None means this machine.

    Raises:
        ToolError: kind is docker, but Docker or its images are not available.
        PipelineError: a step or a proof failed.
    """
    if place:
        await rehearse(progress, report, suffix, place)
        return
    await remove_dead_ones(progress)
    why = "chosen by --nodes local" if kind == LOCAL else await _why_no_docker(progress)
    if kind == DOCKER and why:
        raise ToolError(f"no nodes in Docker: {why}", "fix the cause, or rehearse with --nodes local")
    if why:
        _say(progress, report, f"local, directories on this machine: {why}")
        await rehearse(progress, report, suffix)
    else:
        reason = "chosen by --nodes docker" if kind == DOCKER else "Docker runs and has the images"
        _say(progress, report, f"docker, containers with a Swarm: {reason}")
        await _on_swarm(progress, report, suffix)


def _say(progress: Progress, report: Report, choice: str) -> None:
    progress.note(f"nodes: {choice}")
    report.facts["nodes"] = choice


async def _why_no_docker(progress: Progress) -> str:
    """Return why nodes in Docker are not possible, in a few words; empty if they are."""
    for program in ("ssh", "ssh-keygen"):
        if not shutil.which(program):
            return f"{program} is not installed"
    try:
        await docker("version", "--format", "{{.Server.Version}}")
        where = await docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    except ToolError as error:
        return f"Docker does not answer ({last_words(error)})"
    if not where.startswith("unix://"):
        return f"Docker runs on another machine, at {where}"
    return await _pull_missing(progress) or await _why_no_pgbackrest(progress)


async def _pull_missing(progress: Progress) -> str:
    """Pull the missing images. Return which image cannot be pulled, and why; empty if all are here."""
    needed = {BASE, *(name for names in stock().values() for name in names), physical.named_image()} - {""}
    missing = sorted(needed - set(await inspect_images(needed)))
    if missing:
        progress.note(f"nodes: docker, if Docker can pull {len(missing)} missing images")
    for name in missing:
        progress.note(f"… docker pull {name}")
        try:
            await docker("pull", "--quiet", name)
        except ToolError as error:
            return f"the image {name} is missing and cannot be pulled ({last_words(error)})"
    return ""


async def _why_no_pgbackrest(progress: Progress) -> str:
    """Return why the database node could not build its image; empty if it can, or need not."""
    db, *_ = stock()["database"]
    if physical.are_off() or await physical.find_image(db) != db:
        return ""
    progress.note("nodes: docker, if the package of pgBackRest can be had")
    try:
        await physical.require_package(db)
    except ToolError as error:
        return f"the package of pgBackRest cannot be had ({last_words(error)})"
    return ""


def last_words(error: ToolError) -> str:
    """Return the last line of a tool's error output."""
    return (error.tail or error.what).splitlines()[-1]


async def _on_swarm(progress: Progress, report: Report, suffix: str) -> None:
    off = PHYSICAL if physical.are_off() else ()
    report.not_proven += [*NOT_PROVEN, *(f"{name} ({PITR_OFF})" for name in off)]
    if stand_ins := await find_stand_ins():
        report.not_proven.append(f"the published images (stand-ins ran instead): {', '.join(stand_ins)}")
    with expecting(report, [name for name in PROOFS if name not in off]):
        async with swarm(progress, report, suffix) as s:
            deployed = await deploy.deploy(s.d)
            report.prove("deploy and verify", node.in_words(deployed.proof), **deployed.proof)
            deployed.require_whole()
            await run_swarm_epilogue(s, physical=not off)
