"""Compare the pipeline's deployment with the course's commands, each on its own LocalStack."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Taken:
    """The times of one deployment.

    Args:
        whole: seconds until its end. The pipeline's ends with the proof and the bucket's lifecycle.
        configured: seconds until its last playbook ended.
    """

    whole: float
    configured: float


Twice = tuple[Taken, Taken]
"""A first deployment, and a second deployment that changes nothing."""


async def by_hand(d: Deployment) -> Taken:
    """Run the course's commands one after the other; the last one is a playbook."""
    started = time.monotonic()
    for stack in (d.storage, d.app):
        for words in (("init", "-no-color"), ("apply", "-auto-approve", "-no-color")):
            step = Step(f"{stack.name}: {words[0]}", (stack.binary, *words), stack.workdir, stack.env)
            (await d.run(step)).check()
    outputs = inventory.outputs((await d.run(d.app.output())).check().stdout)
    await d.runner.write(INVENTORY, inventory.render(outputs, d.common, d.hosts))
    for playbook in PLAYBOOKS:
        (await d.run(d.ansible.playbook(playbook))).check()
    taken = time.monotonic() - started
    return Taken(taken, taken)


async def by_pipeline(d: Deployment) -> Taken:
    """Deploy."""
    d.report.steps.clear()
    started = time.monotonic()
    await deploy.deploy(d)
    whole = time.monotonic() - started
    names = {f"ansible: {playbook}" for playbook in PLAYBOOKS}
    ends = [datetime.fromisoformat(step["ended"]) for step in d.report.steps if step["name"] in names]
    begun = min(datetime.fromisoformat(step["started"]) for step in d.report.steps)
    return Taken(whole, (max(ends) - begun).total_seconds())


async def twice(way: Callable[[Deployment], Awaitable[Taken]], progress: Progress) -> Twice:
    """Deploy twice in the same way, on new servers."""
    async with open_surroundings() as around:
        d = local_deployment(around, "bench", progress, Report("bench", "localstack"))
        await prepare(d, around)
        return await way(d), await way(d)
