"""One contract for both runners: the same step in, the same result out; and what only containers must do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import anyio
import dagger
import pytest

from pipeline.errors import PipelineError, ToolError
from pipeline.machine.network import passed_on
from pipeline.reporting import progress
from pipeline.runners.container import FRESH, ContainerRunner
from pipeline.runners.host import HostRunner
from pipeline.steps.masks import MASK
from pipeline.steps.step import Result, Runner, Step
from tests.support.engine import Engine, Exec
from tests.support.runners import SECRETS, contained, python


async def test_output_and_exit_code_come_back_as_they_were(runner: Runner) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    result = await runner.run(python(code))
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")


@pytest.mark.parametrize("number", [9, 15])
async def test_a_step_killed_by_a_signal_is_a_failure_that_is_told(runner: Runner, number: int) -> None:
    result = await runner.run(
        python(f"import os; print('before', flush=True); os.kill(os.getpid(), {number})")
    )
    assert result.stdout == "before\n"
    with pytest.raises(ToolError, match="probe: failed with exit code"):
        result.check()


async def test_what_the_engine_is_asked_stands_below_the_steps_name(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its progress would be a list of operations else."""
    names: list[str] = []

    class Tracer:
        @contextmanager
        def start_as_current_span(self, name: str, **_: Any) -> Iterator[None]:
            names.append(name)
            yield

    monkeypatch.setattr("dagger.telemetry.get_tracer", Tracer)
    await contained(tmp_path).run(python("pass"))
    assert names == ["probe"]


async def test_an_exit_code_that_a_shell_gives_a_signal_is_kept(runner: Runner) -> None:
    result = await runner.run(python("import sys; print('x'); sys.exit(137)"))
    assert (result.exit_code, result.stdout) == (137, "x\n")


async def test_a_step_gets_its_environment_and_nothing_of_the_callers(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    result = await runner.run(python("import os; print(sorted(os.environ))", env={"ONE": "1"}))
    of_a_host = {"PYTHONUTF8", *passed_on()}
    assert set(eval(result.stdout)) - {FRESH} - of_a_host == {"HOME", "LC_ALL", "ONE", "PATH"}


async def test_a_step_runs_in_its_folder_with_its_input(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    code = "import os, sys; print(os.getcwd(), sys.stdin.read())"
    result = await runner.run(python(code, workdir=PurePosixPath("below"), stdin="héllo"))
    assert result.stdout.strip() == f"{tmp_path / 'below'} héllo"


async def test_a_secret_reaches_the_step_and_is_masked_in_every_form(runner: Runner) -> None:
    code = (
        "import os, sys, urllib.parse as u; t = os.environ['TOKEN']\n"
        "print(len(t), t, u.quote(t, safe='')); print(t, file=sys.stderr)"
    )
    result = await runner.run(python(code, secrets=("TOKEN",)))
    assert result.stdout == f"{len(SECRETS['TOKEN'])} {MASK} {MASK}\n"
    assert result.stderr == f"{MASK}\n"


async def test_a_step_gets_no_secret_that_it_does_not_name(runner: Runner) -> None:
    result = await runner.run(python("import os; print('TOKEN' in os.environ)"))
    assert result.stdout == "False\n"


async def test_a_secret_file_is_private_and_gone_afterwards(runner: Runner) -> None:
    code = "import os; p = os.environ['KEY']; print(p, oct(os.stat(p).st_mode & 0o777), len(open(p).read()))"
    path, mode, length = (await runner.run(python(code, secret_files=("KEY",)))).stdout.split()
    assert (mode, int(length)) == ("0o400", len(SECRETS["KEY"]))
    assert not Path(path).exists()


async def test_the_tools_own_summary_is_read(runner: Runner) -> None:
    line = '{"type": "change_summary", "changes": {"add": 2, "change": 1, "remove": 0, "operation": "plan"}}'
    result = await runner.run(python(f"print({line!r})", stream="tofu-json"))
    assert result.summary == "2 to add, 1 to change, 0 to destroy"


async def test_a_written_file_has_its_text_and_mode_and_can_be_read_and_removed(
    runner: Runner, tmp_path: Path
) -> None:
    path = PurePosixPath("a/b")
    for text in ("first", "second: é"):
        await runner.write(path, text, 0o600)
        assert await runner.read(path) == text
    assert (tmp_path / path).stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        await runner.remove(path)
    assert await runner.read(path) is None


@pytest.mark.parametrize("private", [False, True])
async def test_a_missing_tool_is_an_error_with_its_fix(runner: Runner, private: bool) -> None:
    with pytest.raises(ToolError, match="no-such-tool"):
        await runner.run(Step("probe", ("no-such-tool",), private=private))


async def test_what_a_step_was_doing_is_not_shown_when_it_is_over(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exec's output comes when it has ended: a first task `since 145 s` would be untrue."""
    monkeypatch.setattr(progress, "HEARTBEAT", -1.0)
    begun = '{"type": "apply_start", "hook": {"resource": {"addr": "a.one"}}}'
    await contained(tmp_path).run(python(f"print({begun!r})", stream="tofu-json"))
    assert "…" not in capsys.readouterr().err


async def test_a_step_that_must_run_runs_every_time(runner: Runner, tmp_path: Path) -> None:
    for _ in range(2):
        await runner.run(python("open('count', 'a').write('x')"))
    assert (tmp_path / "count").read_text() == "xx"


async def test_a_file_written_again_after_its_removal_is_there_again(engine: Engine, tmp_path: Path) -> None:
    runner, path = contained(tmp_path), PurePosixPath("x")
    for _ in range(2):
        await runner.write(path, "same")
        assert await runner.read(path) == "same"
        await runner.remove(path)


async def test_no_secret_is_plain_in_anything_that_the_engine_is_asked(
    engine: Engine, tmp_path: Path
) -> None:
    await contained(tmp_path).run(python("pass", secrets=("TOKEN",), secret_files=("KEY",)))
    assert "withSecretVariable" in engine.words
    assert "withMountedSecret" in engine.words
    assert not [value for value in SECRETS.values() if value.strip() in engine.words]


async def test_a_command_with_a_path_that_is_missing_is_told_too(engine: Engine, tmp_path: Path) -> None:
    said = "fork/exec /nowhere/tofu: no such file or directory\n"
    engine.execs = Answers(Exec(1, "", said, {}))
    with pytest.raises(ToolError, match="the toolbox does not have this command: fork/exec /nowhere/tofu"):
        await contained(tmp_path).run(Step("probe", ("/nowhere/tofu",)))


class Answers(dict[Any, Exec]):
    """What came of any exec, without running it."""

    def __init__(self, answer: Exec) -> None:
        super().__init__()
        self.answer = answer

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: object) -> Exec:
        return self.answer


async def test_the_fresh_variable_comes_right_before_the_exec(engine: Engine, tmp_path: Path) -> None:
    """What comes before it in the chain is remembered, what comes after runs."""
    step = python("pass", env={"A": "1"}, secrets=("TOKEN",))
    *_, fresh, last = contained(tmp_path).prepared(step)._ctx.selections
    assert (fresh.name, fresh.args["name"], last.name) == ("withEnvVariable", FRESH, "withExec")
    assert last.args["expect"] == "ANY"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("failed to resolve source metadata for docker.io/library/nothing:1: not found", "nothing:1"),
        ("start service: dial tcp: connection refused", "connection refused"),
    ],
)
async def test_what_the_engine_itself_cannot_do_is_told_in_a_line(
    engine: Engine, tmp_path: Path, said: str, told: str
) -> None:
    engine.broken = said
    with pytest.raises(PipelineError, match=told) as caught:
        await contained(tmp_path).run(python("pass"))
    assert caught.value.exit_code == 1
    assert "Traceback" not in str(caught.value)


async def test_a_step_that_has_begun_is_never_cut_off(engine: Engine, tmp_path: Path) -> None:
    """A sibling's failure cancels a step: its exec would be killed, and a killed OpenTofu loses its state."""
    runner, results = contained(tmp_path), list[Result]()

    async def apply() -> None:
        results.append(await runner.run(python("open('state', 'w').write('whole')")))

    async with anyio.create_task_group() as group:
        group.start_soon(apply)
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert (tmp_path / "state").read_text() == "whole"


async def test_kept_files_leave_the_workspace_and_missing_ones_do_not_matter(
    engine: Engine, tmp_path: Path
) -> None:
    runner = contained(tmp_path)
    await runner.write(PurePosixPath("stack/terraform.tfstate"), "{}")
    kept = await runner.keep(
        PurePosixPath("stack/terraform.tfstate"), PurePosixPath("other/terraform.tfstate")
    )
    copies = [f.args["args"] for f in kept._ctx.selections if f.name == "withExec"]
    assert copies == [
        ["mkdir", "-p", "/kept"],
        ["cp", "-r", "--parents", "stack/terraform.tfstate", "/kept"],
        ["chmod", "-R", "go=", "/kept"],
    ]
    before = [f.args.get("name") for f in kept._ctx.selections]
    assert FRESH in before[: [f.name for f in kept._ctx.selections].index("withExec")]
    assert kept._ctx.selections[-1].args == {"path": "/kept"}
    assert isinstance(kept, dagger.Directory)


async def test_a_file_that_is_not_there_is_no_error_that_the_engine_shows(
    engine: Engine, tmp_path: Path
) -> None:
    runner, missing = contained(tmp_path), PurePosixPath("stack/terraform.tfstate")
    assert await runner.read(missing) is None
    await runner.keep(missing)
    await runner.remove(missing)
    assert engine.execs
    assert not [done for done in engine.execs.values() if done.out or done.err]


def test_both_runners_have_the_same_methods() -> None:
    def public(cls: type) -> set[str]:
        return {name for name in vars(cls) if not name.startswith("_")}

    assert public(Runner) <= public(HostRunner) & public(ContainerRunner)
