"""The verbs as Dagger functions: `dagger call VERB`, with the options of `quickdata VERB`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from inspect import getdoc
from typing import Annotated, Any

import dagger
from dagger import DefaultPath, Doc, Ignore, dag, function, object_type

from pipeline.aws.account import Cloud
from pipeline.backups import catalogue as listing
from pipeline.backups.drill import DrillRequest, Holds, drill
from pipeline.containers import deployment as contained
from pipeline.containers.call import VERBS, Attempt, Closed, Inputs, always, declare, told
from pipeline.containers.rehearsal import containers
from pipeline.containers.toolbox import GROUPS, Toolbox, ToolboxSources, python, toolbox
from pipeline.containers.verbs import confirmed, deploy, migrate_state, moved, verb_on_aws
from pipeline.deployment import DATABASE
from pipeline.errors import SettingsError
from pipeline.rehearsal.on_local_nodes import rehearse
from pipeline.reporting.progress import Progress
from pipeline.reporting.report import Report
from pipeline.reporting.versions import facts
from pipeline.runners.container import asked
from pipeline.settings.inputs import AccountSettings
from pipeline.settings.suffix import valid_suffix
from pipeline.tofu.binary import find_tofu
from pipeline.verbs import verbs

GENERATED = ["**/.terraform*", "**/*.tfstate*", "**/*override.tf", "**/*.tfplan", "**/inventory.yml"]
PRIVATE = ["**/.secrets", "**/.env", "**/.vault*", "**/vault_pass*", "**/vault-password.txt"]
UNUSED = ["**/.git", "**/.venv", "**/.tools", "**/__pycache__", "**/.*_cache", "**/reports", "**/vault.yml"]
LINT = [
    ["ruff", "check", "pipeline", "tests", "benchmarks"],
    ["ruff", "format", "--check", "pipeline", "tests", "benchmarks"],
    ["mypy"],
    ["lint-imports", "--no-cache", "--no-logo"],
    ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR"],
    ["shfmt", "-i", "2", "-ci", "-d"],
]
"""The commands of `make lint`; those for the shell take the scripts' names too."""
SCRIPTS = [".ci/run", ".ci/swarm", ".ci/tofu", ".ci/verb-in-dagger", ".ci/verb-on-host"]
SCRIPTS += [".ci/hooks/pre-commit", ".devcontainer/install", "pipeline/rehearsal/node/boot"]
SCRIPTS += ["tests/images/build", "tests/images/db/entrypoint"]
MORE_SCRIPTS = ["infrastructure/**/*.sh", "tests/images/*/fetch"]
DRILL = "Restore the newest backup into a throwaway PostgreSQL 18, and compare it with its manifest."
MIGRATE = getdoc(migrate_state) or ""
UNIT_TESTS = "tests/unit"


def named(suffix: Annotated[str, Doc("Stands for TF_VAR_bucket_suffix.")] = "rehearsal") -> None:
    """Declare the option that names a rehearsal."""


async def _rehearse(self: "Pipeline", attempt: Attempt) -> None:
    try:
        suffix = valid_suffix(attempt.given["suffix"])
    except ValueError as error:
        raise SettingsError(f"--suffix {error}", "choose another") from None
    box = await self.box(attempt)

    def place(progress: Progress) -> Any:
        keep = partial(attempt.kept.__setitem__, "state")
        return containers(box, self.infrastructure, progress, keep)

    await rehearse(attempt.progress, attempt.report, suffix, place)


def listed(database: verbs.Database = DATABASE, as_json: Annotated[bool, Doc("Print JSON.")] = False) -> None:
    """Declare how backups are listed."""


def restored(
    backup_id: verbs.BackupId = None,
    database: verbs.Database = DATABASE,
    max_age: Annotated[float, Doc("Hours that the newest backup may be old; 0 is any age.")] = 0.0,
) -> None:
    """Declare which backup a drill restores."""


async def _account(attempt: Attempt) -> tuple[Cloud, str, dict[str, dagger.Secret]]:
    known = await contained.environment(Inputs(**attempt.options(Inputs)).given)
    settings = contained.validated(AccountSettings)
    return Cloud(settings.credentials, settings.region), settings.bucket, known


async def _backups(_self: "Pipeline", attempt: Attempt) -> None:
    cloud, bucket, _ = await _account(attempt)
    found = await listing.backups(cloud, bucket, attempt.given["database"])
    as_json = json.dumps([each.document() for each in found])
    attempt.told += [as_json] if attempt.given["as_json"] else listing.table(found, datetime.now(UTC))


async def _drill(self: "Pipeline", attempt: Attempt) -> None:
    cloud, bucket, known = await _account(attempt)
    hours = attempt.given["max_age"]
    request = DrillRequest(
        attempt.given["database"], attempt.given["backup_id"], timedelta(hours=hours) if hours else None
    )
    box = await self.box(attempt)

    def place(holds: Holds, _backup: listing.Backup, progress: Progress) -> Any:
        return contained.drilling(box, self.infrastructure, known, holds, progress)

    await drill(cloud, bucket, request, attempt.progress, attempt.report, place)


@object_type
class Pipeline:
    """Deploys NocoDB and PostgreSQL in order, and proves by a restore that the data would come back."""

    infrastructure: Annotated[
        dagger.Directory,
        DefaultPath("/infrastructure"),
        Ignore(GENERATED + PRIVATE),
        Doc("Stacks, playbooks."),
    ]
    locked: Annotated[
        dagger.Directory, DefaultPath("/"), Ignore(["**", "!pyproject.toml", "!uv.lock"]), Doc("The lock.")
    ]
    package: Annotated[
        dagger.Directory, DefaultPath("/pipeline"), Ignore(["**/__pycache__"]), Doc("This package.")
    ]
    source: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(GENERATED + PRIVATE + UNUSED),
        Doc("What the checks check."),
    ]

    check = verb_on_aws(verbs.check)
    status = verb_on_aws(verbs.status)
    plan = verb_on_aws(verbs.plan)
    deploy = verb_on_aws(deploy)
    adopt = verb_on_aws(verbs.adopt)
    verify = verb_on_aws(verbs.verify)
    backup = verb_on_aws(verbs.backup)
    restore = verb_on_aws(verbs.restore)
    destroy = verb_on_aws(verbs.destroy)
    unlock = verb_on_aws(verbs.unlock)
    migrate_state = declare(
        "migrate_state", migrate_state, getdoc(migrate_state) or "", moved, confirmed, Inputs, Closed
    )
    backups = declare("backups", _backups, "List the backups; newest first.", listed, Inputs)
    drill = declare("drill", _drill, DRILL, restored, Inputs, Closed)
    rehearse = declare("rehearse", _rehearse, getdoc(rehearse) or "", named, Closed)
    run = always()

    @function
    @dagger.check
    async def lint(self) -> str:
        """Run the linters."""
        scripts = SCRIPTS + [name for each in MORE_SCRIPTS for name in await self.source.glob(each)]
        return await self._checked(*(each + scripts if each[0].startswith("sh") else each for each in LINT))

    @function
    @dagger.check
    async def unit_tests(self) -> str:
        """Run the tests that start no server."""
        return await self._checked(["pytest", "-q", "-p", "no:cacheprovider", UNIT_TESTS])

    async def _checked(self, *commands: list[str]) -> str:
        box = python(dag, ToolboxSources(), self.locked, *GROUPS, "dev").with_directory("/src", self.source)
        box = box.with_workdir("/src").with_env_variable("PYTHONPATH", "/src")
        for command in commands:
            box = box.with_exec(command)
        return await box.stdout()

    async def box(self, attempt: Attempt) -> Toolbox:
        """Return the toolbox, made now: what is missing for it is said before anything else."""
        sources = Closed(**attempt.options(Closed)).sources
        made = await toolbox(dag, sources, self.locked, self.package)
        found = Toolbox(dag, await asked("toolbox", made.sync()), sources)
        attempt.report.facts.update(await contained.facts_of(found))
        return found

    async def attempt(self, name: str, given: Mapping[str, Any]) -> Attempt:
        """Do a verb's work; what came of it is in what is returned, an error too."""
        target = "localstack" if name == "rehearse" or given.get("emulator") else "aws"
        done = Attempt(
            name, given, Report(name, target, facts(find_tofu())), Progress(given.get("verbose", False))
        )
        try:
            if name not in VERBS:
                raise SettingsError(f"there is no verb {name!r}", f"use one of {', '.join(VERBS)}")
            await VERBS[name](self, done)
        except Exception as error:
            done.error = told(name, error)
            done.report.failed(done.error)
        return done
