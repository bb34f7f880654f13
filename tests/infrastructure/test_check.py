"""Everything that a deployment needs, looked at."""

import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pipeline.deploy.check import check, require_good
from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import BucketTaken, PipelineError, SettingsError, ToolError
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.steps.step import Result, Step
from pipeline.tofu.backends.local import Local
from pipeline.tofu.backends.s3 import S3
from tests.support.recording import VAULT, FreeCloud, RecordingRunner, deployment
from tests.support.ssh_keys import require_keygen
from tests.support.verbs import do


class OwnCloud(FreeCloud):
    async def owns(self, bucket: str) -> bool:
        if self.refusal:
            raise self.refusal
        return True


def ready(answers: dict[str, tuple[int, str]] | None = None) -> RecordingRunner:
    return RecordingRunner(answers)


async def bad(runner: RecordingRunner, cloud: FreeCloud | None = None) -> dict[str, str]:
    found = await check(deployment(runner, cloud or OwnCloud()))
    return {each.about: str(each) for each in found if not each.well}


async def test_when_all_is_well_nothing_is_to_be_fixed() -> None:
    assert await bad(ready()) == {}


async def test_nothing_is_changed() -> None:
    runner = ready()
    before = dict(runner.files)
    await bad(runner)
    words = {word for step in runner.steps for word in step.command}
    assert not words & {"apply", "init", "plan", "ansible"}
    assert all(step.env["CHECKPOINT_DISABLE"] == "1" for step in runner.steps if "version" in step.command)
    assert runner.files == before


@pytest.mark.parametrize("version", ["1.10.9", "1.9.0", "0.15.1"])
async def test_an_old_tofu_is_named(version: str) -> None:
    text = json.dumps({"terraform_version": version})
    assert version in (await bad(ready({"check: OpenTofu": (0, text)})))["OpenTofu"]


async def test_a_bucket_of_somebody_else_is_told() -> None:
    taken = OwnCloud(BucketTaken("belongs to another account", "choose another"))
    assert "another account" in (await bad(ready(), taken))["bucket"]


async def test_a_missing_vault_and_a_wrong_password_are_told() -> None:
    runner = ready()
    del runner.files[VAULT]
    assert "vault.yml.example" in (await bad(runner))["vault"]
    assert "vault" in await bad(ready({"check: vault": (1, "")}))


PUBLIC = "ssh-ed25519 AAAAexample"


def with_key(runner: RecordingRunner) -> Deployment:
    d = deployment(runner, OwnCloud())
    return replace(d, app=replace(d.app, env={"TF_VAR_ssh_public_key": f"{PUBLIC} somebody@here"}))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((0, f"{PUBLIC}\n"), ""),
        ((127, ""), ""),
        ((0, "ssh-ed25519 AAAAanother"), "do not match"),
        ((255, ""), "passphrase"),
    ],
)
async def test_an_ssh_key_that_would_not_open_the_nodes_is_told(answer: tuple[int, str], said: str) -> None:
    found = await check(with_key(ready({"check: SSH key": answer})))
    errors = [str(each) for each in found if not each.well]
    assert (said in errors[0]) if said else errors == []
    assert all("QUICKDATA_SSH_KEY" in each for each in errors)


@pytest.mark.parametrize("passphrase", ["", "of a real key"])
async def test_a_real_key_is_looked_at(tmp_path: Path, passphrase: str) -> None:
    require_keygen()
    key = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(key)]
    await anyio.run_process(command)
    runner = HostRunner(tmp_path, {"ANSIBLE_PRIVATE_KEY_FILE": key.read_text()}, Progress())
    d = deployment(ready(), OwnCloud())
    public = {"TF_VAR_ssh_public_key": key.with_name("key.pub").read_text()}
    d = replace(d, runner=runner, backend=Local(runner), app=replace(d.app, env=public))
    found = {each.about: each for each in await check(d)}
    assert found["SSH key"].well is (passphrase == "")


async def test_every_problem_is_told_at_once() -> None:
    class Refusing(OwnCloud):
        async def account(self) -> str:
            raise SettingsError("not accepted", "renew")

    runner = RecordingRunner({"check: OpenTofu": (1, "x"), "check: ansible-playbook": (1, "y")})
    del runner.files[VAULT]
    found = await bad(runner, Refusing(BucketTaken("taken", "choose")))
    assert set(found) == {"OpenTofu", "Ansible", "account", "bucket", "vault"}


async def test_what_is_not_ready_is_a_failure() -> None:
    found = await check(deployment(ready({"check: vault": (1, "")}), OwnCloud()))
    with pytest.raises(PipelineError, match="vault"):
        require_good(found)


async def test_of_several_problems_the_gravest_gives_the_exit_code_and_all_are_told() -> None:
    taken = OwnCloud(BucketTaken("belongs to another account", "choose another"))
    found = await check(deployment(ready({"check: vault": (1, "")}), taken))
    with pytest.raises(BucketTaken) as caught:
        require_good(found)
    assert "vault: failed with exit code 1" in str(caught.value)


WORDS = {
    "check: OpenTofu": (1, "exec format error"),
    "check: ansible-playbook": (1, "no module named yaml"),
    "check: vault": (2, "the template is broken"),
}
AWAY = ToolError("AWS (eu-west-3) does not answer", "check the network and the region", "proxy refuses")


class AwayCloud(OwnCloud):
    async def account(self) -> str:
        raise AWAY

    async def owns(self, bucket: str) -> bool:
        raise AWAY


async def test_every_failed_finding_has_its_own_last_lines_wherever_it_is_told() -> None:
    found = await check(deployment(ready(dict(WORDS)), OwnCloud()))
    with pytest.raises(PipelineError) as caught:
        require_good(found)
    for said in ("\n".join(map(str, found)), str(caught.value)):
        blocks = [block for block in said.split("✗ ") if "failed with exit code" in block]
        assert len(blocks) == len(WORDS), said
        for (_, words), block in zip(WORDS.values(), blocks, strict=True):
            assert f"| {words}" in block.split("→ read the tool's last lines below")[1]


async def test_a_single_failed_finding_keeps_its_fix_and_its_last_lines() -> None:
    found = await check(deployment(ready({"check: vault": WORDS["check: vault"]}), OwnCloud()))
    with pytest.raises(ToolError) as caught:
        require_good(found)
    assert caught.value.what == "vault: failed with exit code 2"
    assert caught.value.tail == "the template is broken"


async def test_a_tool_that_said_nothing_is_not_said_to_have_words_below() -> None:
    found = await check(deployment(ready({"check: vault": (2, "")}), OwnCloud()))
    with pytest.raises(ToolError, match="vault: failed with exit code 2") as caught:
        require_good(found)
    assert (
        caught.value.fix
        == "the tool printed nothing: run again, and show the tools' output (-v at a terminal)"
    )


async def test_one_cause_is_told_once_for_all_that_it_keeps_from_being_looked_at() -> None:
    local = deployment(ready(), AwayCloud())
    d = keep_states_in(local, S3(local.cloud, "ppr-tfstate"))
    found = await check(d)
    assert [each.about for each in found if not each.well] == ["account, bucket, states"]
    with pytest.raises(ToolError) as caught:
        require_good(found)
    assert str(caught.value).count("does not answer") == 1
    assert str(caught.value).count("proxy refuses") == 1


async def test_a_missing_program_is_told_once_for_all_that_need_it() -> None:
    class Bare(RecordingRunner):
        async def run(self, step: Step) -> Result:
            if step.command[0] == "ansible-playbook":
                what = f"{step.name}: ansible-playbook is not installed"
                raise ToolError(what, "run `make install`, which installs every tool")
            return await super().run(step)

    found = await check(deployment(Bare(), OwnCloud()))
    assert [str(each).splitlines()[0] for each in found if not each.well] == [
        "✗ Ansible, vault: ansible-playbook is not installed"
    ]


async def test_check_itself_shows_every_finding_once() -> None:
    d = deployment(ready(dict(WORDS)), OwnCloud())
    with pytest.raises(PipelineError) as caught:
        await do("check", d)
    said = "\n".join([*d.report.findings, f"✗ check: {caught.value}"])
    for _, words in WORDS.values():
        assert said.count(words) == 1
    assert "check: check:" not in said
    assert said.endswith(
        "✗ check: failed checks: OpenTofu, Ansible, vault\n"
        "  → follow the → line of each check, then check again"
    )
