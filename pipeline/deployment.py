"""One deployment: everything that the verbs need, for any target and any runner."""

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
from pipeline.steps.output import warnings
from pipeline.steps.step import Result, Runner, Step
from pipeline.tofu.backends.base import Backend
from pipeline.tofu.stack import Stack

DATABASE = "nocodb_db"
DATABASE_USER = "admin"
DATABASE_SERVICE = "db"
NOCODB_SERVICE = "nocodb"
NOCODB_PORT, ADMINER_PORT = 8080, 8081
"""The ports of the services on their nodes: roles/nocodb/defaults/main.yml."""
READS = ("TF_VAR_storage_backend", "TF_VAR_storage_config")
"""Variables that tell the app where storage's state is, when it is not in ../terraS3."""


@dataclass(frozen=True)
class Deployment:
    """A deployment of both stacks and the services.

    Args:
        suffix: distinguishes this deployment from others; lower case.
        cloud: the AWS account and region, or an emulator.
        runner: executes the steps.
        progress: shows notes to the user.
        report: records every step.
        storage: the stack of the backups' bucket.
        app: the stack of the nodes.
        ansible: configures the nodes.
        backend: where the states are kept; `keep_states_in` changes it.
        common: inventory variables for all nodes, besides the outputs.
        hosts: inventory variables by node, besides the outputs.
        real_nodes: whether the nodes are machines or containers, and not directories.
        plan_file: the name of this run's saved plans; each run has its own.
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

    def stack(self, name: str) -> Stack:
        """Return a stack by its name."""
        return {each.name: each for each in (self.storage, self.app)}[name]

    def advice(self, text: str) -> str:
        """Return advice with commands that act on the states of this deployment."""
        return placed(text, self.backend.name)

    async def run(self, step: Step) -> Result:
        """Run a step, record it in the report, and show its warnings. The exit code is not checked here."""
        result = await run_and_record(self.runner, self.report, step)
        for warning in warnings(result.stdout) if step.stream == "ansible-jsonl" else ():
            self.progress.note(f"! {warning}")
        return result


def keep_states_in(d: Deployment, backend: Backend) -> Deployment:
    """Return the deployment with its states in another place."""
    storage, app = (_keep_state_in(stack, d.backend, backend) for stack in (d.storage, d.app))
    app = replace(app, env={name: value for name, value in app.env.items() if name not in READS})
    values = backend.source(storage.name)
    if values is not None:
        read = zip(READS, (backend.kind, json.dumps(values)), strict=True)
        app = replace(app, env={**app.env, **dict(read)})
    return replace(d, backend=backend, storage=storage, app=app)


def _keep_state_in(stack: Stack, before: Backend, backend: Backend) -> Stack:
    env = {name: value for name, value in stack.env.items() if name not in before.env}
    secrets = [name for name in stack.secrets if name not in before.secrets]
    env, secrets = {**env, **backend.env}, [*secrets, *backend.secrets]
    return replace(stack, env=env, secrets=tuple(secrets), place=backend.name)


async def run_and_record(runner: Runner, report: Report, step: Step) -> Result:
    """Run a step and record it in the report. The exit code is not checked here."""
    started = now()
    try:
        result = await runner.run(step)
    except get_cancelled_exc_class():
        report.record_interruption(step, started)
        raise
    report.record_result(result, started)
    return result
