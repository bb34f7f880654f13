"""A verb called through Dagger: the call has its inputs, and containers do its work."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import dagger
from dagger import dag

from pipeline.aws.account import Cloud
from pipeline.backups.catalogue import Backup
from pipeline.backups.site import Holds, OpenSite, Site
from pipeline.containers import deployment as contained
from pipeline.containers.advice import for_dagger
from pipeline.containers.drill import drilling
from pipeline.containers.emulator import emulator, surrounded
from pipeline.containers.inputs import STAND_IN, Given, read_inputs
from pipeline.containers.options import Options
from pipeline.containers.parameters import PLANS, writes_folder
from pipeline.containers.rehearsal import containers
from pipeline.containers.toolbox import Toolbox, toolbox
from pipeline.deploy.agreement import Agree, note_agreement, refuse
from pipeline.deploy.saved_plans import PAGE
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, SettingsError
from pipeline.rehearsal.local_nodes import OpenSurroundings
from pipeline.rehearsal.surroundings import Surroundings
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.runners.container import ask_engine
from pipeline.runners.workbench import Workbench
from pipeline.settings.account import AccountSettings
from pipeline.settings.inputs import Settings
from pipeline.steps.masks import Masks, secrets_among
from pipeline.targets.emulator import require_emulator
from pipeline.verbs import summary, verb
from pipeline.verbs.call import Form, Inputs


@dataclass
class DaggerCall:
    """One call of a verb, with its result.

    Args:
        name: the verb's name.
        module: the module's object.
        given: the values of the verb's own options.
        progress: shows notes and steps to the user.
        report: records steps and proofs.
        kept: folders that the call returns, by name.
        answers: what the verb says instead of the report's findings.
        form: of the answers.
    """

    name: str
    module: Options
    given: Mapping[str, Any]
    progress: Progress
    report: Report
    kept: dict[str, dagger.Directory] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    form: Form = "txt"
    error: PipelineError | None = None
    exit_code: int = 0
    _inputs: Given | None = None
    _toolbox: Toolbox | None = None

    @property
    def inputs(self) -> Mapping[str, str]:
        """The inputs by variable name, as far as they were read."""
        return self._inputs.values if self._inputs else {}

    @property
    def page(self) -> str:
        """The name of the file that holds the summary in a folder: page.txt, page.json or page.html."""
        return f"{PAGE}.{self.form}"

    def findings(self) -> str:
        """Return the findings before the verb failed, in words."""
        return self._told(self.report.findings)

    def summary(self) -> str:
        """Return the findings, what was proven and what was not, in words."""
        return self._told(self.report.lines()) + "\n"

    def _told(self, lines: Sequence[str]) -> str:
        """Return lines for a user, or an unchanged answer, such as JSON. Secrets are masked in both."""
        text = "\n".join(self.answers) or for_dagger("\n".join(lines))
        return Masks(secrets_among(self.inputs)).cover(text)

    # What every verb may use: pipeline/verbs/call.py

    def answer(self, text: str, form: Form = "txt") -> None:
        """Return a text to the caller instead of the report's findings."""
        self.answers.append(text)
        self.form = form

    async def read(self, kind: type[Inputs], **given: str) -> Inputs:
        """Return the validated inputs of the call; `given` replaces some of them."""
        inputs = await self._read_inputs()
        if inputs.identity:  # ask STS only if all other inputs are right
            checked = contained.validate_inputs(kind, {**inputs.values, **STAND_IN, **given})
            inputs = self._inputs = await inputs.assume_role(checked.region)
        return contained.validate_inputs(kind, {**inputs.values, **given})

    @asynccontextmanager
    async def open_bucket(self) -> AsyncIterator[tuple[Cloud, str]]:
        """Yield the AWS that the inputs name, or the given emulator, and the name of the bucket."""
        settings = await self.read(AccountSettings)
        identity, service = (await self._read_inputs()).assumed, self.module.emulator
        cloud = Cloud(settings.credentials, settings.region, identity=identity)
        if not service:
            yield cloud, settings.bucket
            return
        async with emulator(await self._box(), service, settings.region) as aws:
            there = replace(cloud, endpoint=aws.endpoint)
            await require_emulator(there)
            yield there, settings.bucket

    @property
    def surroundings(self) -> OpenSurroundings:
        """The servers of a rehearsal run as services."""
        return self._surroundings

    @property
    def site(self) -> OpenSite:
        """A drill restores into a service."""
        return self._site

    @asynccontextmanager
    async def deployment(self, settings: Settings | None = None) -> AsyncIterator[Deployment]:
        """Yield the deployment to AWS, or to an emulator, from containers; keep the folder of the verb."""
        settings = settings or await self.read(Settings)
        secrets, box = (await self._read_inputs()).secrets, await self._box()
        service = self.module.emulator
        async with (
            surrounded(box, service, settings.region) if service else nullcontext() as surroundings,
            contained.deployment(box, secrets, settings, self.progress, self.report, surroundings) as (
                d,
                runner,
            ),
        ):
            yield d
            if writes_folder(verb(self.name)):
                self.kept[self.name] = (await runner.keep(PLANS)).directory(str(PLANS))

    def require_answer(self, yes: bool, shown: str = "") -> None:
        """Refuse without --yes, because there is no terminal to ask at; say what would be asked."""
        if not yes:
            what = f"{self.name} needs a confirmation, but there is no terminal here: {summary(self.name)}"
            about = f"\n{shown}" if shown else ""
            raise SettingsError(what + about, "to confirm, give --yes")

    async def confirm(self, question: str, yes: bool, shown: str = "") -> None:
        """Note the question that --yes has answered."""
        if shown:
            self.progress.note(shown)
        self.require_answer(yes, shown)
        self.progress.note(f"{question} --yes")

    def agreement(self, yes: bool) -> Agree:
        """Return how `deploy` decides whether it may remove nodes."""
        return note_agreement if yes else refuse

    # How it is done in containers

    async def _read_inputs(self) -> Given:
        if self._inputs is None:
            self._inputs = await read_inputs(self.module)
        return self._inputs

    async def _box(self) -> Toolbox:
        """Return the toolbox. It is made at the first call, so that its problems are reported first."""
        if self._toolbox:
            return self._toolbox
        sources = self.module.sources
        made = await toolbox(dag, sources, self.module.locked, self.module.package)
        container = await ask_engine("toolbox", made.sync())
        self._toolbox = Toolbox(dag, container, sources, self._infrastructure())
        self.report.facts.update(await contained.read_facts(self._toolbox))
        return self._toolbox

    def _infrastructure(self) -> dagger.Directory:
        """Return the folder with both stacks and the playbooks, with the vault and the plans of the call."""
        folder, vault, plan = self.module.infrastructure, self.module.vault, self.given.get("plan")
        if vault:
            folder = folder.with_file("ansible/group_vars/all/vault.yml", vault)
        return folder.with_directory(PLANS.name, plan) if plan else folder

    @asynccontextmanager
    async def _surroundings(
        self, progress: Progress, report: Report
    ) -> AsyncIterator[tuple[Surroundings, Workbench]]:
        def keep(states: dagger.Directory) -> None:
            self.kept["state"] = states

        async with containers(await self._box(), progress, report, keep) as place:
            yield place

    @asynccontextmanager
    async def _site(self, holds: Holds, _backup: Backup, progress: Progress) -> AsyncIterator[Site]:
        secrets = (await self._read_inputs()).secrets
        async with drilling(await self._box(), secrets, holds, progress) as site:
            yield site
