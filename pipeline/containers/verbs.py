"""The verbs that act on AWS, as Dagger functions: what they are given, and the deployment that they get."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from inspect import getdoc
from typing import Annotated, Any

import dagger
from dagger import Doc, Name

from pipeline.containers import deployment as contained
from pipeline.containers.call import Attempt, Closed, Inputs, Module, declare
from pipeline.containers.emulator import emulator
from pipeline.deploy.agreement import agreed, refused
from pipeline.deployment import Deployment
from pipeline.errors import SettingsError
from pipeline.runners.container import ContainerRunner
from pipeline.settings.inputs import Settings
from pipeline.states.migrate import migrate
from pipeline.targets.aws import backend
from pipeline.verbs import verbs

ASKS = {"destroy": "removes the app, with its nodes and disks", "restore": "replaces the live database"}
ASKS |= {
    "unlock": "breaks a lock: right only if its run is dead",
    "adopt": "imports what exists into a state",
    "migrate-state": "moves both states",
}
"""What these verbs do to what is there: no terminal is here to ask at."""
TRIED = ("plan", "deploy")
"""What can be tried on an emulator: the nodes, on which the others act, go with the call."""


def emulated(
    emulator: Annotated[
        dagger.Service | None,
        Doc("A LocalStack instead of AWS, such as tcp://localhost:4566; the nodes are directories."),
    ] = None,
) -> None:
    """Declare the option that tries a deployment: the same options, states and plans, and nothing real."""


def confirmed(yes: Annotated[bool, Doc("Do it: there is no terminal here to ask at.")] = False) -> None:
    """Declare the option that answers a verb's question."""


async def deploy(
    d: Deployment,
    plan: Annotated[dagger.Directory | None, Doc("What `plan` returned: applied as it is.")] = None,
    yes: Annotated[
        bool, Doc("Replace or delete nodes, if the plan does: there is no terminal here.")
    ] = False,
) -> None:
    """Deploy to AWS: storage, app, the services on the nodes; then prove that a backup comes back."""
    await verbs.deploy(d, verbs.PLANS if plan else None, agreed if yes else refused)


@asynccontextmanager
async def on_aws(
    self: Module, attempt: Attempt, **variables: str
) -> AsyncIterator[tuple[Deployment, ContainerRunner, Settings]]:
    """Yield the deployment to AWS that a call describes, its runner, and its settings.

    Args:
        self: the module's object.
        attempt: the call.
        variables: what the verb itself sets, by the environment's names.

    Raises:
        PipelineError: an input is missing or wrong, or the toolbox cannot be made.
    """
    inputs = Inputs(**attempt.options(Inputs))
    if attempt.name in ASKS and not attempt.given.get("yes"):
        raise SettingsError(f"{attempt.name} {ASKS[attempt.name]}", "if that is what you want, give --yes")
    given = inputs.given
    known = await contained.environment(replace(given, plain={**given.plain, **variables}))
    settings, folder = contained.validated(Settings), self.infrastructure
    if inputs.vault:
        folder = folder.with_file("ansible/group_vars/all/vault.yml", inputs.vault)
    if attempt.name == "deploy" and attempt.given.get("plan"):
        folder = folder.with_directory(verbs.PLANS.folder.name, attempt.given["plan"])
    box = await self.box(attempt)
    service = attempt.given.get("emulator")
    async with (
        emulator(box, service, settings.region) if service else nullcontext() as around,
        contained.deployment(box, folder, known, settings, attempt, around) as (d, runner),
    ):
        yield d, runner, settings


def verb_on_aws(verb: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
    """Return a verb of a deployment to AWS as a Dagger function."""
    name = verb.__name__

    async def act(self: Module, attempt: Attempt) -> None:
        async with on_aws(self, attempt) as (d, runner, _):
            await verb(d, **attempt.options(verb))
            if verb is verbs.plan:
                kept = await runner.kept(verbs.PLANS.folder)
                attempt.kept["plan"] = kept.directory(str(verbs.PLANS.folder))

    own = [confirmed] if name in ASKS else [emulated] if name in TRIED else []
    return declare(name, act, getdoc(verb) or name, verb, *own, Inputs, Closed)


def moved(
    source: Annotated[str, Doc("Where the states are: s3 or gitlab."), Name("from")] = "",
    destination: Annotated[str, Doc("Where they shall be: s3 or gitlab."), Name("to")] = "",
) -> None:
    """Declare from where to where the states are moved."""


async def migrate_state(self: Module, attempt: Attempt) -> None:
    """Move both states between s3 and gitlab; what was moved is compared before the old copy goes."""
    source, destination = attempt.given["source"], attempt.given["destination"]
    if {source, destination} != {"s3", "gitlab"}:
        mend = "local states are moved in their checkout: `quickdata migrate-state --from local --to s3`"
        raise SettingsError("--from and --to must be s3 and gitlab, or gitlab and s3", mend)
    places = {"QUICKDATA_STATE": destination, "QUICKDATA_STATE_FROM": source}
    async with on_aws(self, attempt, **places) as (d, _, settings):
        done = await migrate(d, backend(settings, source, d), backend(settings, destination, d))
        for stack, words in done.items():
            d.report.prove(stack, words)
