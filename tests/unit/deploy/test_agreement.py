"""A node, or the database's disk, ends only when somebody has agreed to it; the rest is not asked for."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner

from pipeline.cli import main, terminal
from pipeline.containers import verbs as on_aws
from pipeline.deploy.agreement import agreed, refused
from pipeline.deploy.order import deploy, destroy
from pipeline.deploy.preview import Preview
from pipeline.deployment import Deployment
from pipeline.errors import PipelineError, PlanRefused, ToolError
from pipeline.targets import aws
from pipeline.tofu.plan import Change, Plan
from pipeline.verbs import verbs
from tests.support.recording import FreeCloud, RecordingRunner, deployment, plan_json, state_json

MANAGER, DATABASE = 'aws_instance.node["manager"]', 'aws_instance.node["database"]'
WORKER, DISK = 'aws_instance.node["worker-1"]', "aws_ebs_volume.postgres"
QUESTION = r"Continue\? \[y/N\]: "


def ending(*changes: tuple[str, str]) -> RecordingRunner:
    """Return a deployment that was there before, whose app's plan has these changes."""
    answers = {"storage: state": (0, state_json()), "storage: plan": (2, ""), "app: plan": (2, "")}
    return RecordingRunner({**answers, "app: read plan": (0, plan_json(*changes))})


@pytest.mark.parametrize("action", ["delete", "replace", "forget"])
@pytest.mark.parametrize("address", [MANAGER, DATABASE, WORKER, DISK])
async def test_without_an_answer_no_node_ends_and_nothing_is_stopped_or_applied(
    address: str, action: str
) -> None:
    runner = ending((address, action))
    with pytest.raises(PlanRefused) as caught:
        await deploy(deployment(runner))
    assert caught.value.exit_code == 3
    assert f"{action} {address}" in caught.value.what
    assert "--yes" in caught.value.mend and "quickdata plan" in caught.value.mend
    assert not [name for name in runner.names if name.endswith("apply") or name in ("stop NocoDB", "backup")]


async def test_what_ends_is_asked_for_at_once_and_before_anything_is_stopped() -> None:
    runner, asked = ending((WORKER, "delete"), (DATABASE, "replace"), ("aws_vpc.main", "replace")), []

    async def agree(_: Deployment, ended: Sequence[Change]) -> None:
        asked.append((list(map(str, ended)), list(runner.names)))

    await deploy(deployment(runner), agree=agree)
    ((ended, before),) = asked
    assert ended == [f"delete {WORKER}", f"replace {DATABASE}"]
    assert "app: read plan" in before and "stop NocoDB" not in before
    assert runner.names.index("stop NocoDB") < runner.names.index("app: apply")


async def test_nothing_is_asked_when_no_node_ends() -> None:
    runner = ending((MANAGER, "update"), (WORKER, "create"), ("aws_key_pair.admin", "replace"))
    await deploy(deployment(runner), agree=refused)
    assert "app: apply" in runner.names


async def test_a_tainted_node_that_a_plan_would_replace_is_asked_for_like_any_other() -> None:
    runner = ending()
    document = json.loads(plan_json((MANAGER, "replace")))
    document["resource_changes"][0]["action_reason"] = "replace_because_tainted"
    runner.answers["app: read plan"] = (0, json.dumps(document))
    with pytest.raises(PlanRefused):
        await deploy(deployment(runner), agree=refused)
    assert "app: apply" not in runner.names


async def test_a_lost_state_and_a_stopped_node_are_told_before_anybody_is_asked() -> None:
    stopped = FreeCloud(stopped=[(MANAGER, "i-1"), (WORKER, "i-2")])
    runner = ending((WORKER, "delete"))
    with pytest.raises(ToolError) as caught:
        await deploy(deployment(runner, stopped))
    assert (
        caught.value.what == f"app: these nodes are stopped in EC2: {MANAGER} (i-1)"
    )  # the worker goes anyway
    assert "aws ec2 start-instances --region eu-west-3 --instance-ids i-1`" in caught.value.mend
    assert not [name for name in runner.names if name.startswith("ansible") or name.endswith("apply")]


async def test_destroy_names_a_stopped_node_before_it_asks_it_for_a_backup() -> None:
    runner, stopped = RecordingRunner(), FreeCloud(stopped=[(DATABASE, "i-1")])
    with pytest.raises(ToolError, match="stopped in EC2"):
        await destroy(deployment(runner, stopped))
    assert not [name for name in runner.names if name == "stop NocoDB" or name.endswith("apply")]
    await destroy(deployment(runner, stopped), backed_up=False)
    assert "app: apply" in runner.names


def test_plan_says_that_deploy_will_ask() -> None:
    page = Preview("x", {"storage": Plan(pending=False), "app": Plan((Change(MANAGER, "replace"),))})
    page.deferred = dict.fromkeys(("swarm.yml", "nocodb.yml", "backup.yml"), "they do not answer")
    gate = page.page().partition("gate:")[2]
    assert "deploy asks before these changes" in gate and f"! replace {MANAGER}" in gate
    page.plans["app"] = Plan((Change(MANAGER, "update"),))
    assert page.page().endswith("gate:\n  lets it pass")


# --- at a terminal ---

ASKING = """
import sys
from pathlib import Path
from types import SimpleNamespace
from pipeline.cli import terminal
from pipeline.tofu.plan import Change
from pipeline.cli.run import run
from pipeline.steps.step import Step

async def verb(progress, report):
    progress.started(Step("a step that goes on", ("true",)))
    d, ended = SimpleNamespace(progress=progress), [Change("aws_instance.node", "replace")]
    await terminal.agreement(yes=False)(d, ended)
    progress.note("it went on")

with terminal.errors_told("deploy"):
    run(verb, "deploy", "aws", Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("y\n", 0, "it went on"),
        ("n\n", 1, "✗ deploy: not confirmed: the app is as it was"),
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
    runner = ending((MANAGER, "replace"))
    monkeypatch.setattr(aws, "aws_deployment", lambda *_: deployment(runner))
    monkeypatch.setattr(terminal, "REPORTS", tmp_path)
    for name in ("key", "key.pub"):
        (tmp_path / name).touch(0o600)
    keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "QUICKDATA_SSH_KEY": f"{tmp_path}/key"}
    inputs = {"TF_VAR_bucket_suffix": "ppr", "TF_VAR_admin_cidr": "203.0.113.7/32", "VAULT_PASSWORD": "vault"}
    for name, value in (keys | inputs).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["deploy", *options])
    assert ("app: apply" in runner.names) == bool(options), done.stderr
    assert ("as agreed" in done.stderr, done.exit_code == 3) == (bool(options), not options)


@pytest.mark.parametrize(("yes", "agree"), [(False, refused), (True, agreed)])
async def test_under_dagger_yes_is_the_answer(
    monkeypatch: pytest.MonkeyPatch, yes: bool, agree: object
) -> None:
    given: list[object] = []

    async def noted(_: object, *options: object) -> None:
        given.extend(options)

    monkeypatch.setattr(verbs, "deploy", noted)
    await on_aws.deploy(None, yes=yes)  # type: ignore[arg-type]
    assert given == [None, agree]


async def test_who_agreed_beforehand_is_told_to_what(capsys: pytest.CaptureFixture[str]) -> None:
    d = deployment(RecordingRunner())
    await agreed(d, [Change(WORKER, "delete")])
    assert f"delete {WORKER}" in capsys.readouterr().err
    with pytest.raises(PipelineError):
        await refused(d, [Change(WORKER, "delete")])
