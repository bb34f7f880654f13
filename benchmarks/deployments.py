"""Compare the pipeline's deployment with the course's commands, each on its own LocalStack."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from pipeline.ansible import inventory
from pipeline.ansible.playbooks import INVENTORY
from pipeline.deploy import order as deploy
from pipeline.deployment import Deployment
from pipeline.rehearsal.local_nodes import local_deployment, prepare
from pipeline.rehearsal.surroundings import open_surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.steps.step import Step

PLAYBOOKS = ("swarm.yml", "nocodb.yml", "backup.yml")

Twice = tuple[float, float]
"""The seconds of a first deployment, and of a second deployment that changes nothing."""


async def by_hand(d: Deployment) -> float:
    """Run the course's commands one after the other; return the seconds."""
    started = time.monotonic()
    for stack in (d.storage, d.app):
        for words in (("init", "-no-color"), ("apply", "-auto-approve", "-no-color")):
            step = Step(f"{stack.name}: {words[0]}", (stack.binary, *words), stack.workdir, stack.env)
            (await d.run(step)).check()
    outputs = inventory.outputs((await d.run(d.app.output())).check().stdout)
    await d.runner.write(INVENTORY, inventory.render(outputs, d.common, d.hosts))
    for playbook in PLAYBOOKS:
        (await d.run(d.ansible.playbook(playbook))).check()
    return time.monotonic() - started


async def by_pipeline(d: Deployment) -> float:
    """Deploy; return the seconds from the first step to the last playbook, without the verification."""
    d.report.steps.clear()
    await deploy.deploy(d)
    names = {f"ansible: {playbook}" for playbook in PLAYBOOKS}
    ends = [datetime.fromisoformat(step["ended"]) for step in d.report.steps if step["name"] in names]
    return (max(ends) - datetime.fromisoformat(d.report.steps[0]["started"])).total_seconds()


async def twice(way: Callable[[Deployment], Awaitable[float]], progress: Progress) -> Twice:
    """Deploy twice in the same way, on new servers."""
    async with open_surroundings() as around:
        d = local_deployment(around, "bench", progress, Report("bench", "localstack"))
        await prepare(d, around)
        return await way(d), await way(d)
