"""The Dagger module: `dagger -m . call INPUTS VERB`, with the options of `quickdata VERB`."""

import dagger
from dagger import dag, function, object_type

from pipeline.containers.options import Options
from pipeline.containers.toolbox import GROUPS, python
from pipeline.containers.verbs import run_function, verb_function

UNIT_TESTS = ["pytest", "-q", "-p", "no:cacheprovider", "tests/unit"]


@object_type
class Pipeline(Options):
    """Deploys NocoDB and PostgreSQL on AWS, and proves by a restore that the backups work."""

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
        """Run the unit tests, which start no server."""
        return await self._run(UNIT_TESTS)

    async def _run(self, command: list[str]) -> str:
        box = python(dag, self.sources, self.locked, *GROUPS, "dev").with_directory("/src", self.source)
        box = box.with_workdir("/src").with_env_variable("PYTHONPATH", "/src")
        return await box.with_exec(command).stdout()
