"""One deployment: everything that its verbs need, whatever the target and the runner."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from secrets import token_hex

from anyio import get_cancelled_exc_class

from pipeline.advice import placed
from pipeline.ansible.inventory import Variables
from pipeline.ansible.playbooks import Ansible
from pipeline.aws.account import Cloud
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report, now
from pipeline.settings.suffix import bucket_name
from pipeline.steps.step import Result, Runner, Step
from pipeline.tofu.backends.base import Backend
from pipeline.tofu.stack import Stack

DATABASE = "nocodb_db"
DATABASE_USER = "admin"
DATABASE_SERVICE = "db"


@dataclass(frozen=True)
class Deployment:
    """A deployment of both stacks and the services.

    Args:
        suffix: what tells this deployment from others, lower case.
        cloud: the AWS (or its emulator) that it lives in.
        runner: executes the steps.
        progress: told of what is not a step.
        report: notes every step.
        storage: the stack of the backups' bucket.
        app: the stack of the nodes.
        ansible: configures the nodes.
        backend: where the states are kept; `kept_in` gives another one.
        common: inventory variables for all nodes, besides the outputs.
        hosts: inventory variables by node, besides the outputs.
        plan_file: the name of its saved plans; two runs in one workspace have two.
        real_nodes: whether the nodes are machines of their own.
    """

    suffix: str
    cloud: Cloud
    runner: Runner
    progress: Progress
    report: Report
    storage: Stack
    app: Stack
    ansible: Ansible
    backend: Backend
    common: Variables = field(default_factory=dict)
    hosts: Mapping[str, Variables] = field(default_factory=dict)
    real_nodes: bool = True
    plan_file: str = field(default_factory=lambda: f"quickdata-{token_hex(4)}.tfplan")

    @property
    def bucket(self) -> str:
        """The name that infrastructure/terraS3 gives the bucket."""
        return bucket_name(self.suffix, self.cloud.base_name)

    def advice(self, text: str) -> str:
        """Return advice whose commands act on the states of this deployment."""
        return placed(text, self.backend.name)

    async def run(self, step: Step) -> Result:
        """Run a step and note it in the report; an exit code is not judged here."""
        return await noted(self.runner, self.report, step)


def kept_in(d: Deployment, backend: Backend) -> Deployment:
    """Return a deployment, whose states are local, with its states kept elsewhere."""
    env, secrets = backend.env, backend.secrets
    storage, app = (
        replace(stack, env={**stack.env, **env}, secrets=(*stack.secrets, *secrets), place=backend.name)
        for stack in (d.storage, d.app)
    )
    values = backend.source(storage.name)
    if values is not None:
        reads = {"TF_VAR_storage_backend": backend.kind, "TF_VAR_storage_config": json.dumps(values)}
        app = replace(app, env={**app.env, **reads})
    return replace(d, backend=backend, storage=storage, app=app)


async def noted(runner: Runner, report: Report, step: Step) -> Result:
    """Run a step and note it in the report; an exit code is not judged here."""
    started = now()
    try:
        result = await runner.run(step)
    except get_cancelled_exc_class():
        report.interrupted(step, started)
        raise
    report.took(result, started)
    return result
