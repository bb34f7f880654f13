"""The question before a node ends, at a real terminal, and the refusal where there is none."""

import sys
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner

from pipeline.cli import console, main
from pipeline.targets import aws
from tests.support.recording import RecordingRunner, deployment, plan_json, state_json

MANAGER = 'aws_instance.node["manager"]'
QUESTION = r"Continue\? \[y/N\]: "

ASKING = """
import sys
from pathlib import Path
from types import SimpleNamespace
from pipeline.cli import console, terminal
from pipeline.tofu.plan import Change
from pipeline.cli.run import run
from pipeline.steps.step import Step

async def verb(progress, report):
    progress.begin_step(Step("a step that goes on", ("true",)))
    d, ended = SimpleNamespace(progress=progress), [Change("aws_instance.node", "replace")]
    await terminal.agreement(yes=False)(d, ended)
    progress.note("it went on")

with console.errors_told("deploy"):
    run(verb, "deploy", "aws", Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("y\n", 0, "it went on"),
        ("n\n", 1, "✗ deploy: not confirmed: the app was not changed"),
        ("\n", 1, "not confirmed"),
        ("\x04", 1, "not confirmed"),
        ("\x03", 130, "interrupted by SIGINT"),
    ],
)
def test_the_question_stands_alone_on_the_screen_and_every_way_out_of_it_is_told(
    tmp_path: Path, key: str, code: int, said: str
) -> None:
    child = pexpect.spawn(sys.executable, ["-c", ASKING, str(tmp_path)], encoding="utf-8", timeout=60)
    child.expect(QUESTION)
    assert "replace aws_instance.node" in str(child.before)
    assert child.expect(["a step that goes on", pexpect.TIMEOUT], timeout=1) == 1  # nothing is drawn over it
    child.send(key)
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, said in str(child.before)) == (code, True), child.before
    assert ("it went on" in str(child.before)) == (code == 0)


@pytest.mark.parametrize("options", [[], ["--yes"]])
def test_without_a_terminal_deploy_needs_yes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str]
) -> None:
    answers = {"storage: state": (0, state_json()), "storage: plan": (2, ""), "app: plan": (2, "")}
    runner = RecordingRunner({**answers, "app: read plan": (0, plan_json((MANAGER, "replace")))})
    monkeypatch.setattr(aws, "aws_deployment", lambda *_: deployment(runner))
    monkeypatch.setattr(console, "REPORTS", tmp_path)
    for name in ("key", "key.pub"):
        (tmp_path / name).touch(0o600)
    keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "QUICKDATA_SSH_KEY": f"{tmp_path}/key"}
    inputs = {"TF_VAR_bucket_suffix": "ppr", "TF_VAR_admin_cidr": "203.0.113.7/32", "VAULT_PASSWORD": "vault"}
    for name, value in (keys | inputs).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["deploy", *options])
    assert ("app: apply" in runner.names) == bool(options), done.stderr
    assert ("agreed beforehand" in done.stderr, done.exit_code == 3) == (bool(options), not options)
