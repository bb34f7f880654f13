"""The host's runner, with real processes."""

from pathlib import Path, PurePosixPath

import pytest

from pipeline.errors import ToolError
from pipeline.reporting import progress
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.steps.step import Step
from tests.support.host_steps import SECRET, python
from tests.support.recording_proxy import forget_the_network


async def test_a_step_gets_its_environment_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_the_network(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("TF_VAR_bucket_suffix", "real")
    runner = HostRunner(tmp_path, {}, Progress(), home=tmp_path)
    result = await runner.run(python("import os; print(sorted(os.environ))", env={"ONE": "1"}))
    own = ["HOME", "LC_ALL", "ONE", "PATH", "PYTHONUTF8", "NO_PROXY", "no_proxy"]
    assert result.stdout.strip() == str(sorted(own))


async def test_a_secret_reaches_the_step_but_neither_output_nor_argv(runner: HostRunner) -> None:
    code = "import os, sys; t = os.environ['TOKEN']; print(len(t), t); print(t, file=sys.stderr)"
    result = await runner.run(python(code, secrets=("TOKEN",)))
    assert result.stdout.startswith(f"{len(SECRET)} ")
    assert SECRET not in result.stdout + result.stderr + " ".join(result.step.command)


async def test_a_secret_is_masked_in_its_url_form_too(runner: HostRunner) -> None:
    code = "import os, urllib.parse as u; print(u.quote(os.environ['TOKEN'], safe=''))"
    result = await runner.run(python(code, secrets=("TOKEN",)))
    assert "s3cr3t" not in result.stdout


async def test_a_secret_in_several_writes_of_one_line_is_masked(runner: HostRunner) -> None:
    code = "import os, sys\nfor c in os.environ['TOKEN']: sys.stdout.write(c); sys.stdout.flush()"
    result = await runner.run(python(code, secrets=("TOKEN",)))
    assert result.stdout == "********"


@pytest.mark.parametrize("private", [True, False])
async def test_private_output_is_never_shown_not_even_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], private: bool
) -> None:
    runner = HostRunner(tmp_path, {}, Progress(verbose=True))
    result = await runner.run(python("print('sensitive')", private=private))
    assert result.stdout == "sensitive\n"
    assert ("sensitive" in capsys.readouterr().err) is not private


async def test_parts_of_events_are_not_shown_and_ansibles_own_words_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import sys; print('\"stdout\": \"sensitive\"}'); print('[ERROR]: no inventory', file=sys.stderr)"
    await HostRunner(tmp_path, {}, Progress(verbose=True)).run(python(code, stream="ansible-jsonl"))
    shown = capsys.readouterr().err
    assert "no inventory" in shown
    assert "sensitive" not in shown


async def test_what_a_private_step_gives_to_be_read_is_unchanged_and_what_may_be_shown_is_masked(
    runner: HostRunner,
) -> None:
    """A state in which a mask stands for a value would be a broken state."""
    say = f"import sys; print({SECRET!r}); print({SECRET!r}, file=sys.stderr); sys.exit({{}})"
    read = await runner.run(python(say.format(0), private=True))
    failed = await runner.run(python(say.format(1), private=True))
    assert (read.stdout, failed.stdout) == (f"{SECRET}\n", "********\n")
    assert SECRET not in read.stderr + failed.stderr


async def test_a_step_without_the_secret_does_not_get_it(runner: HostRunner) -> None:
    result = await runner.run(python("import os; print('TOKEN' in os.environ)"))
    assert result.stdout.strip() == "False"


async def test_private_output_is_not_shown_when_a_step_takes_long_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT", -1.0)
    runner = HostRunner(tmp_path, {}, Progress())
    for private in (False, True):
        await runner.run(python("print('sensitive')", private=private))
        assert ("sensitive" in capsys.readouterr().err) is not private


async def test_a_secret_file_is_private_and_gone_afterwards(runner: HostRunner) -> None:
    code = "import os; p = os.environ['KEY']; print(p, oct(os.stat(p).st_mode & 0o777), len(open(p).read()))"
    result = await runner.run(python(code, secret_files=("KEY",)))
    path, mode, length = result.stdout.split()
    assert (mode, length) == ("0o400", "14")
    assert not Path(path).exists()


async def test_a_secret_file_is_gone_after_a_failure_too(runner: HostRunner) -> None:
    result = await runner.run(
        python("import os; print(os.environ['KEY']); raise SystemExit(3)", secret_files=("KEY",))
    )
    assert result.exit_code == 3
    assert not Path(result.stdout.strip()).exists()


async def test_what_a_step_creates_is_private(runner: HostRunner, tmp_path: Path) -> None:
    await runner.run(python("open('state', 'w')"))
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


async def test_a_step_runs_in_its_folder_with_its_input(runner: HostRunner, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    step = python(
        "import os, sys; print(os.getcwd(), sys.stdin.read())", workdir=PurePosixPath("below"), stdin="héllo"
    )
    result = await runner.run(step)
    assert result.stdout.strip() == f"{tmp_path / 'below'} héllo"


async def test_a_step_that_ends_without_reading_its_input_is_no_error(runner: HostRunner) -> None:
    result = await runner.run(python("import os; os.close(0)", stdin="x" * 1_000_000))
    assert result.exit_code == 0


async def test_a_line_of_a_megabyte_arrives_whole(runner: HostRunner) -> None:
    result = await runner.run(python("print('x' * 1_000_000)"))
    assert len(result.stdout) == 1_000_001


async def test_a_missing_tool_is_an_error_with_its_fix(runner: HostRunner) -> None:
    with pytest.raises(ToolError, match="no-such-tool") as caught:
        await runner.run(Step("probe", ("no-such-tool",)))
    assert "make install" in caught.value.fix


async def test_a_tool_whose_interpreter_is_gone_is_an_error_with_its_fix(
    runner: HostRunner, tmp_path: Path
) -> None:
    tool = tmp_path / "moved-tool"
    tool.write_text("#!/nowhere/python\n")
    tool.chmod(0o755)
    with pytest.raises(ToolError, match=r"cannot be started: .*moved-tool") as caught:
        await runner.run(Step("probe", (str(tool),)))
    assert "make install" in caught.value.fix


async def test_a_process_killed_by_a_signal_is_a_failure(runner: HostRunner) -> None:
    result = await runner.run(python("import os; os.kill(os.getpid(), 9)"))
    with pytest.raises(ToolError):
        result.check()


@pytest.mark.parametrize("secret", ['quo"te\\and-slash', "zürich-geheim", "a&b<c>d-secret"])
async def test_a_secret_is_masked_in_json_too(tmp_path: Path, secret: str) -> None:
    runner = HostRunner(tmp_path, {"TOKEN": secret}, Progress())
    code = (
        "import json, os; t = os.environ['TOKEN']\n"
        "print(json.dumps(t)); print(json.dumps(t, ensure_ascii=False))\n"
        "print(json.dumps(t).translate({38: '\\\\u0026', 60: '\\\\u003c', 62: '\\\\u003e'}))"
    )
    result = await runner.run(python(code, secrets=("TOKEN",)))
    assert result.stdout == '"********"\n' * 3


async def test_a_secret_of_several_lines_is_masked_line_by_line(tmp_path: Path) -> None:
    runner = HostRunner(
        tmp_path, {"KEY": "-----BEGIN KEY-----\nAAAABBBBCCCC\n-----END KEY-----\n"}, Progress()
    )
    result = await runner.run(python("import os; print(os.environ['KEY'])", secrets=("KEY",)))
    assert set(result.stdout.split()) == {"********"}


async def test_a_written_file_is_whole_and_has_its_mode(runner: HostRunner, tmp_path: Path) -> None:
    await runner.write(PurePosixPath("a/b"), "text", 0o600)
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert await runner.read(PurePosixPath("a/b")) == "text"


async def test_a_missing_file_reads_as_nothing(runner: HostRunner) -> None:
    assert await runner.read(PurePosixPath("nothing")) is None
