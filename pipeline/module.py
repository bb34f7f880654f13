"""The Dagger module: `dagger call VERB`, with the options of `quickdata VERB`."""

from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag, function, object_type

from pipeline.containers.images import TOFU, TOOLBOX
from pipeline.containers.toolbox import GROUPS, ToolboxSources, python
from pipeline.containers.verbs import run_function, verb_function

GENERATED = ["**/.terraform*", "**/*.tfstate*", "**/*override.tf", "**/*.tfplan", "**/inventory.yml"]
PRIVATE = ["**/.secrets", "**/.env", "**/.vault*", "**/vault_pass*", "**/vault-password.txt"]
UNUSED = ["**/.git", "**/.venv", "**/.tools", "**/__pycache__", "**/.*_cache", "**/reports", "**/vault.yml"]
UNIT_TESTS = ["pytest", "-q", "-p", "no:cacheprovider", "tests/unit"]


@object_type
class Pipeline:
    """Deploys NocoDB and PostgreSQL in order, and proves by a restore that the data would come back."""

    infrastructure: Annotated[
        dagger.Directory,
        DefaultPath("/infrastructure"),
        Ignore(GENERATED + PRIVATE),
        Doc("Both stacks and the playbooks."),
    ]
    locked: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(["**", "!pyproject.toml", "!uv.lock"]),
        Doc("Packages' lock."),
    ]
    package: Annotated[
        dagger.Directory,
        DefaultPath("/pipeline"),
        Ignore(["**/__pycache__"]),
        Doc("The pipeline's code."),
    ]
    source: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(GENERATED + PRIVATE + UNUSED),
        Doc("The sources that the linters and the unit tests read."),
    ]

    toolbox_image: Annotated[str, Doc("For closed networks: an image with Python 3.11 on Debian.")] = TOOLBOX
    tofu_image: Annotated[str, Doc("For closed networks: an image with /usr/local/bin/tofu.")] = TOFU
    tofu_binary: Annotated[dagger.File | None, Doc("OpenTofu or Terraform itself, instead of an image.")] = (
        None
    )
    provider_mirror: Annotated[
        dagger.Directory | None, Doc("A folder that holds registry.*/hashicorp/aws/….")
    ] = None
    index_url: Annotated[str, Doc("A Python package index, without a password in it.")] = ""

    @property
    def sources(self) -> ToolboxSources:
        """Where the toolbox comes from."""
        binary, mirror = self.tofu_binary, self.provider_mirror
        return ToolboxSources(self.toolbox_image, self.tofu_image, binary, mirror, self.index_url)

    rehearse = verb_function("rehearse")

    check = verb_function("check")
    plan = verb_function("plan")
    deploy = verb_function("deploy")
    status = verb_function("status")
    destroy = verb_function("destroy")

    backup = verb_function("backup")
    verify = verb_function("verify")
    backups = verb_function("backups")
    drill = verb_function("drill")
    restore = verb_function("restore")

    adopt = verb_function("adopt")
    unlock = verb_function("unlock")
    migrate_state = verb_function("migrate-state")

    run = run_function()

    @function
    @dagger.check
    async def lint(self) -> str:
        """Run the linters."""
        return await self._run([".ci/lint"])

    @function
    @dagger.check
    async def unit_tests(self) -> str:
        """Run the tests that start no server."""
        return await self._run(UNIT_TESTS)

    async def _run(self, command: list[str]) -> str:
        box = python(dag, self.sources, self.locked, *GROUPS, "dev").with_directory("/src", self.source)
        box = box.with_workdir("/src").with_env_variable("PYTHONPATH", "/src")
        return await box.with_exec(command).stdout()
