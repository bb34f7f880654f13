"""What is private of a step: read by the pipeline, never shown by the runner or by Dagger's engine."""

from pathlib import Path, PurePosixPath

import pytest

from pipeline.errors import ToolError
from pipeline.steps.masks import MASK
from pipeline.steps.step import Runner
from tests.support.engine import Engine
from tests.support.runners import SECRETS, contained, python


@pytest.mark.parametrize("code", [0, 3])
async def test_a_private_step_is_told_what_it_said_and_its_exit_code(runner: Runner, code: int) -> None:
    said = "import sys; print(sys.stdin.read()); print('err', file=sys.stderr); sys.exit(%d)"
    result = await runner.run(python(said % code, stdin="whole", private=True))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "whole\n", "err\n")


async def test_a_private_step_that_succeeded_is_told_even_a_secret_as_it_is(runner: Runner) -> None:
    code = "import os; print(os.environ['TOKEN'])"
    result = await runner.run(python(code, secrets=("TOKEN",), private=True))
    assert result.stdout.strip() == SECRETS["TOKEN"]


async def test_a_private_step_that_failed_tells_no_secret(runner: Runner) -> None:
    code = "import os, sys; print(os.environ['TOKEN']); sys.exit(1)"
    result = await runner.run(python(code, secrets=("TOKEN",), private=True))
    assert result.stdout.strip() == MASK


async def test_what_is_private_is_never_on_an_output_that_the_engine_shows(
    engine: Engine, tmp_path: Path
) -> None:
    """It prints every exec's output in the job's log, and every call's arguments in its trace."""
    runner, path = contained(tmp_path), PurePosixPath("state")
    await runner.write(path, "{}")
    (tmp_path / path).write_text("read from a file")
    assert await runner.read(path) == "read from a file"
    step = python("import sys; print(sys.stdin.read())", stdin="given to a step", private=True)
    assert (await runner.run(step)).stdout == "given to a step\n"
    shown = "".join(each.out + each.err for each in engine.execs.values())
    assert not [text for text in ("read from a file", "given to a step") if text in shown + engine.words]


async def test_a_private_step_runs_every_time(engine: Engine, tmp_path: Path) -> None:
    runner = contained(tmp_path)
    for _ in range(2):
        await runner.run(python("open('count', 'a').write('x')", private=True))
    assert (tmp_path / "count").read_text() == "xx"


async def test_a_private_step_that_was_killed_is_a_failure_that_is_told(runner: Runner) -> None:
    result = await runner.run(python("import os; os.kill(os.getpid(), 9)", private=True))
    with pytest.raises(ToolError, match="probe: failed with exit code"):
        result.check()
