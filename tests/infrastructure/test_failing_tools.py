"""What tools, endpoints and machines refuse: said in the pipeline's words, with a fix."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pexpect
import pytest

from pipeline.ansible.playbooks import FOLDER, Ansible
from pipeline.aws import existing
from pipeline.backups.catalogue import list_backups
from pipeline.deploy import order as deploy
from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import PipelineError, StateLocked, ToolError
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.servers.localstack import LocalStack
from pipeline.servers.process import free_port
from pipeline.states.ready import LOCK, LOCKED, prepare_stack
from pipeline.tofu.backends.s3 import S3
from pipeline.tofu.binary import PROVIDER, PROVIDER_VERSION
from pipeline.tofu.stack import Stack
from tests.support.ansible_workspace import make_workspace
from tests.support.by_hand import ENVIRONMENT
from tests.support.stacks import BUCKET, deployment, init, pending


@pytest.fixture
def unreachable(workspace: Path) -> Deployment:
    """A deployment on an endpoint behind whose port nobody listens."""
    return deployment(workspace, LocalStack(f"http://127.0.0.1:{free_port()}", "eu-west-3"), "nowhere")


@pytest.fixture
def reachable(workspace: Path, localstack: LocalStack) -> Deployment:
    return deployment(workspace, localstack, "refused")


async def test_an_endpoint_that_nobody_listens_at_is_named_before_any_stack(unreachable: Deployment) -> None:
    with pytest.raises(ToolError, match=r"http://127\.0\.0\.1:\d+ does not answer") as caught:
        await deploy.deploy(unreachable)
    assert all(step["name"].startswith("check: ") for step in unreachable.report.steps)
    assert "check the network" in str(caught.value)


async def test_an_endpoint_that_goes_away_later_is_told_in_the_same_words(unreachable: Deployment) -> None:
    with pytest.raises(ToolError, match="does not answer"):
        await existing.find_app(unreachable.cloud, "nowhere")
    with pytest.raises(ToolError, match="does not answer"):
        await list_backups(unreachable.cloud, unreachable.bucket, "nocodb_db")


async def test_a_lock_of_another_version_of_the_provider_does_not_stop_a_deployment(
    reachable: Deployment,
) -> None:
    lock = Path(reachable.runner.root) / reachable.storage.workdir / LOCK
    lock.write_text(f'provider "{PROVIDER}" {{\n  version = "5.99.1"\n  constraints = "5.99.1"\n}}\n')
    await prepare_stack(reachable, reachable.storage)
    assert [version for _, version in LOCKED.findall(lock.read_text())] == [PROVIDER_VERSION]


async def test_a_provider_that_cannot_be_had_is_named_whatever_fails(unreachable: Deployment) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    none = Path(unreachable.runner.root / "no-mirror.rc")
    none.touch()
    env = {**unreachable.storage.env, "TF_CLI_CONFIG_FILE": str(none), "HTTPS_PROXY": nobody}
    with pytest.raises(ToolError, match="storage: init: the AWS provider cannot be downloaded") as caught:
        await init(unreachable, replace(unreachable.storage, env=env))
    assert "QUICKDATA_PROVIDER_MIRROR" in caught.value.fix


async def test_a_bucket_of_states_that_is_not_there_is_named(reachable: Deployment) -> None:
    d = keep_states_in(reachable, S3(reachable.cloud, "states-of-nobody"))
    with pytest.raises(ToolError, match="the bucket of the states does not exist") as caught:
        await prepare_stack(d, d.storage)
    assert "deploy --state s3" in caught.value.fix


async def test_what_aws_refuses_is_told_with_its_words(reachable: Deployment) -> None:
    with pytest.raises(ToolError, match=r"AWS refuses: .*NoSuchEntity"):
        await reachable.cloud.ask(lambda: reachable.cloud.client("iam").get_role(RoleName="of-nobody"))


async def test_without_an_inventory_nothing_is_verified(unreachable: Deployment) -> None:
    with pytest.raises(ToolError, match="ran on no node") as caught:
        await deploy.verify(unreachable)
    assert caught.value.fix == "deploy the app first"


async def test_a_playbook_without_hosts_is_an_error(unreachable: Deployment) -> None:
    result = await unreachable.run(unreachable.ansible.playbook("swarm.yml"))
    with pytest.raises(ToolError, match="the inventory has no hosts") as caught:
        result.check()
    assert "deploy the app first" in caught.value.fix


@contextmanager
def at_the_question(d: Deployment, stack: Stack) -> Iterator[None]:
    """Another run of the tool, which holds the state's lock while it waits for a person's yes."""
    environment = {**stack.env, "PATH": os.environ["PATH"], "HOME": str(d.runner.root / "home")}
    folder = str(d.runner.root / stack.workdir)
    command = ["apply", "-no-color", f"-target={BUCKET}"]
    child = pexpect.spawn(stack.binary, command, cwd=folder, env=environment, encoding="utf-8", timeout=120)
    try:
        child.expect("Enter a value:")
        yield
        child.sendline("no")
        child.expect(pexpect.EOF)
    finally:
        child.close()


async def test_a_held_state_lock_is_said_with_its_id_and_the_fix(reachable: Deployment) -> None:
    await init(reachable, reachable.storage)
    with at_the_question(reachable, reachable.storage), pytest.raises(StateLocked) as caught:
        await pending(reachable, reachable.storage)
    assert re.search(r"locked by \S+@\S+, since .* ago, for apply \(lock ", caught.value.what), caught.value
    assert "this releases the lock" in caught.value.fix
    assert re.search(r"^ *ID: +[0-9a-f-]{36}$", caught.value.tail, re.MULTILINE), caught.value.tail


async def test_a_full_disk_is_said_with_its_fix(reachable: Deployment) -> None:
    await init(reachable, reachable.storage)
    folder = Path(reachable.runner.root / reachable.storage.workdir)
    (folder / reachable.plan_file).symlink_to("/dev/full")
    with pytest.raises(ToolError, match="storage: plan: the disk is full") as caught:
        (await reachable.run(reachable.storage.plan(reachable.plan_file))).check()
    assert caught.value.fix.startswith("free some space")


@dataclass(frozen=True)
class Nodes:
    """The playbooks with local nodes, run as the pipeline runs them."""

    root: Path

    def file(self, path: str) -> Path:
        return self.root / "infrastructure/nodes" / path

    async def failure(self, playbook: str, password: str) -> PipelineError:
        runner = HostRunner(self.root, {"VAULT_PASSWORD": password}, Progress(), (ENVIRONMENT,))
        env = {
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.root / FOLDER / "vault-password.sh"),
            "ANSIBLE_REMOTE_TMP": str(self.root / ".ansible/tmp"),
        }
        ansible = Ansible(env, ("VAULT_PASSWORD",))
        result = await runner.run(ansible.playbook(playbook))
        with pytest.raises(PipelineError) as caught:
            result.check()
        assert "Traceback" not in str(caught.value)
        return caught.value


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    make_workspace(tmp_path / "infrastructure")
    return Nodes(tmp_path)


async def test_a_wrong_vault_password_is_said_and_no_node_is_touched(nodes: Nodes) -> None:
    error = await nodes.failure("nocodb.yml", "wrong")
    assert error.what == "ansible: nocodb.yml: the vault could not be decrypted"
    assert error.exit_code == 2
    assert "VAULT_PASSWORD" in error.fix
    assert not nodes.file("").exists()


async def test_a_failing_playbook_names_the_node_the_task_and_what_is_in_its_way(nodes: Nodes) -> None:
    occupied = nodes.file("database/srv/quickdata")
    occupied.parent.mkdir(parents=True)
    occupied.write_text("a file where the playbook wants a directory")
    error = await nodes.failure("swarm.yml", "of-the-vault")
    assert re.match(r"database: swarm : Create the directories of .*: .*srv/quickdata", error.tail), (
        error.tail
    )
    assert occupied.is_file()
