"""The states of real stacks in every place that can keep them: read by the app, moved, locked."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import PipelineError, StateElsewhere, StateLocked, StateLost, ToolError
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from pipeline.servers.localstack import LocalStack
from pipeline.states.migrate import migrate
from pipeline.states.ready import OVERRIDE, prepare_stack, pull_state, require_unlocked
from pipeline.tofu import stack as tofu
from pipeline.tofu.backends import gitlab
from pipeline.tofu.backends.base import Backend
from pipeline.tofu.backends.local import Local
from pipeline.tofu.backends.s3 import S3, only_tls
from pipeline.tofu.stack import Stack
from pipeline.tofu.state import State
from tests.support.gitlab_server import PAT, PROJECT, USER, GitLab, gitlab_server
from tests.support.stacks import BUCKET, PLAN, applied, deployment, pending

SUFFIX = "moving"
KEY = "aws_key_pair.admin"
"""The quickest part of the app."""


@dataclass
class Journey:
    """A deployment whose states went local → s3 → gitlab → local, and what was seen on the way."""

    d: Deployment
    workspace: Path
    s3: S3
    gitlab: gitlab.GitLab
    server: GitLab
    places: list[str] = field(default_factory=list)
    states: list[dict[str, State]] = field(default_factory=list)
    app_plans: list[bool] = field(default_factory=list)
    refused: dict[str, PipelineError] = field(default_factory=dict)
    held: PipelineError | None = None
    words: list[dict[str, str]] = field(default_factory=list)
    modes: set[int] = field(default_factory=set)

    def path(self, folder: str, name: str) -> Path:
        return self.workspace / "infrastructure" / folder / name

    async def arrive(self, backend: Backend) -> None:
        """Look at both states, and plan the app, which reads storage's."""
        d = keep_states_in(self.d, backend)
        self.places.append(backend.name)
        self.states.append({stack.name: await prepare_stack(d, stack) for stack in (d.storage, d.app)})
        self.app_plans.append(await pending(d, d.app))
        for folder in ("terraS3", "terraform"):
            path = self.path(folder, OVERRIDE)
            self.modes |= {path.stat().st_mode & 0o777} if path.exists() else set()

    async def refuse(self, about: str, d: Deployment, stack: Stack) -> None:
        try:
            await prepare_stack(d, stack)
        except PipelineError as error:
            self.refused[about] = error

    async def move(self, source: Backend, destination: Backend) -> None:
        self.words.append(await migrate(self.d, source, destination))
        await self.arrive(destination)


@pytest.fixture(scope="module")
def journey(localstack: LocalStack) -> Iterator[Journey]:
    with throwaway_workspace() as directory, gitlab_server() as server:
        d = deployment(directory / "workspace", localstack, SUFFIX)
        path, home = (Path(sys.executable).parent,), directory / "workspace/home"
        runner = HostRunner(directory / "workspace", {gitlab.PASSWORD: PAT}, Progress(), path, home)
        d = replace(d, runner=runner, backend=Local(runner))
        s3 = S3(d.cloud, f"{d.bucket}-tfstate")
        project = gitlab.GitLab(server.url, PROJECT, USER, PAT, SUFFIX)
        found = Journey(d, directory / "workspace", s3, project, server)
        anyio.run(travel, found)
        yield found


async def travel(j: Journey) -> None:
    in_s3, in_gitlab = keep_states_in(j.d, j.s3), keep_states_in(j.d, j.gitlab)
    await j.refuse("no bucket", in_s3, in_s3.app)
    for stack in (j.d.storage, j.d.app):
        await prepare_stack(j.d, stack)
    await applied(j.d, j.d.storage, BUCKET)
    await applied(j.d, j.d.app, KEY)
    await j.arrive(j.d.backend)
    await j.s3.create()
    await j.refuse("local is not empty", in_s3, in_s3.storage)
    await j.refuse("still local", j.d, j.d.storage)
    await j.move(j.d.backend, j.s3)
    await j.refuse("local again", j.d, j.d.storage)
    await j.refuse("gitlab without a move", in_gitlab, in_gitlab.app)
    await two_at_once(j, in_s3)
    await j.move(j.s3, j.gitlab)
    await locked_in_gitlab(j, in_gitlab)
    await j.move(j.gitlab, j.d.backend)


@asynccontextmanager
async def waiting_for_approval(d: Deployment, stack: Stack) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A person's own apply that holds the lock until its question is answered."""
    env = {**os.environ, **stack.env, "TF_INPUT": "1"}
    folder = Path(d.runner.root / stack.workdir)
    command = [stack.binary, "apply", "-no-color"]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        command, cwd=folder, env=env, stdin=pipe, stdout=pipe
    ) as process:
        try:
            assert process.stdout
            seen = b""
            while b"Enter a value" not in seen:
                chunk = await anyio.to_thread.run_sync(os.read, process.stdout.fileno(), 4096)
                assert chunk, seen
                seen += chunk
            yield process
        finally:
            process.kill()


async def two_at_once(j: Journey, d: Deployment) -> None:
    async with waiting_for_approval(d, d.app):
        try:
            (await d.run(d.app.plan(PLAN))).check(tofu.CHANGES)
        except StateLocked as error:
            j.held = error
    try:
        await require_unlocked(d, d.app)
    except StateLocked as error:
        j.refused["left behind"] = error
    left = await j.s3.find_lock(d.app)
    assert left
    await j.s3.release(d.app, left)
    j.app_plans.append(await pending(d, d.app))


async def locked_in_gitlab(j: Journey, d: Deployment) -> None:
    j.server.locks["quickdata-moving-app"] = {"ID": "1-2", "Who": USER, "Created": "2026-01-02T03:04:05Z"}
    try:
        (await d.run(d.app.plan(PLAN))).check(tofu.CHANGES)
    except StateLocked as error:
        j.refused["in gitlab"] = error
    del j.server.locks["quickdata-moving-app"]


def test_the_app_reads_storages_state_in_each_place(journey: Journey) -> None:
    assert journey.places == ["local", "s3", "gitlab", "local"]
    assert journey.app_plans == [True] * 5


def test_a_state_is_the_same_in_each_place(journey: Journey) -> None:
    for stack in ("storage", "app"):
        seen = [states[stack] for states in journey.states]
        assert len({each.lineage for each in seen}) == 1
        assert [each.serial for each in seen] == sorted(each.serial for each in seen)
        assert all(each.resources == seen[0].resources and not each.empty for each in seen)
        assert all(each.outputs == seen[0].outputs for each in seen)


def test_what_was_moved_is_left_nowhere_else(journey: Journey) -> None:
    assert journey.server.versions == {}
    client = journey.d.cloud.client("s3")
    assert client.list_objects_v2(Bucket=journey.s3.bucket).get("Contents", []) == []
    assert journey.server.locks == {}
    assert all("terraform.tfstate.moved" in said for said in journey.words[0].values())
    kept = json.loads(journey.path("terraS3", "terraform.tfstate.moved").read_text())
    assert kept["lineage"] == journey.states[0]["storage"].lineage


def test_a_second_state_beside_a_local_one_is_refused_with_the_move(journey: Journey) -> None:
    error = journey.refused["local is not empty"]
    assert isinstance(error, StateLost)
    assert error.exit_code == 3
    assert "migrate-state --from local --to s3" in error.fix
    assert "still local" not in journey.refused


def test_another_state_than_the_last_one_is_refused_with_both_ways_out(journey: Journey) -> None:
    for about, other in (("local again", "local"), ("gitlab without a move", "gitlab")):
        error = journey.refused[about]
        assert isinstance(error, StateElsewhere)
        assert error.exit_code == 3
        assert "give --state s3" in error.fix
        assert f"migrate-state --from s3 --to {other}" in error.fix


def test_without_its_bucket_only_deploy_goes_on(journey: Journey) -> None:
    error = journey.refused["no bucket"]
    assert isinstance(error, ToolError)
    assert "bucket of the states does not exist" in error.what
    assert "quickdata deploy --state s3" in error.fix


def test_of_two_runs_at_once_the_second_is_told_who_the_first_is(journey: Journey) -> None:
    assert isinstance(journey.held, StateLocked)
    assert "app: plan: the state is locked by " in journey.held.what
    assert "@" in journey.held.what
    assert "for apply" in journey.held.what
    assert " ago" in journey.held.what
    assert "quickdata unlock app" in journey.held.fix


def test_a_lock_left_behind_is_told_and_once_broken_the_next_run_works(journey: Journey) -> None:
    assert "app: the state is locked by " in journey.refused["left behind"].what
    assert "quickdata unlock app" in journey.refused["left behind"].fix


def test_the_tools_own_lock_is_not_taken_for_the_one_that_gitlab_has(journey: Journey) -> None:
    assert "(lock 1-2)" in journey.refused["in gitlab"].what
    assert "for plan" not in journey.refused["in gitlab"].what


def test_the_overrides_are_nobody_elses_and_gone_for_local_states(journey: Journey) -> None:
    assert journey.modes == {0o600}
    assert not journey.path("terraS3", OVERRIDE).exists()
    assert not journey.path("terraform", OVERRIDE).exists()


def test_the_token_is_in_no_file_no_argument_and_no_address(journey: Journey) -> None:
    files = [path for path in journey.workspace.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 20
    texts = [path.read_bytes() for path in files if path.stat().st_size < 10_000_000]
    assert not [1 for text in texts if PAT.encode() in text or b"canary-pat" in text]
    steps = journey.d.report.steps
    assert "canary-pat" not in json.dumps(steps)
    assert "canary" not in json.dumps([step["command"] for step in steps])
    assert len(journey.server.asked) > 10
    assert "canary" not in "".join(journey.server.asked)


async def test_the_bucket_of_the_states_is_versioned_encrypted_and_closed_however_often_it_is_made(
    journey: Journey,
) -> None:
    d, name = keep_states_in(journey.d, journey.s3), journey.s3.bucket
    client = d.cloud.client("s3")
    client.delete_public_access_block(Bucket=name)
    assert await journey.s3.create() == f"in s3://{name}"
    assert await journey.s3.create() == f"in s3://{name}"
    closed: dict[str, Any] = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert list(closed.values()) == [True] * 4
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rules = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    policy = json.loads(client.get_bucket_policy(Bucket=name)["Policy"])
    assert policy == only_tls(name, "aws")


async def test_another_state_is_never_overwritten(journey: Journey) -> None:
    name = "quickdata-moving-storage"
    outputs = {"s3_bucket_name": {"value": "of-another", "type": "string"}}
    other = {"version": 4, "serial": 1, "lineage": "of-another", "outputs": outputs, "resources": []}
    journey.server.versions[name] = [json.dumps(other).encode()]
    with pytest.raises(StateElsewhere, match="already holds another state") as caught:
        await migrate(journey.d, journey.d.backend, journey.gitlab)
    assert caught.value.exit_code == 3
    assert journey.server.versions.pop(name) == [json.dumps(other).encode()]
    assert (await prepare_stack(journey.d, journey.d.storage)).lineage == journey.states[0]["storage"].lineage


async def test_a_move_cut_off_after_the_copy_is_finished_by_moving_again(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Local, "put_away", cut)
        await migrate(journey.d, journey.d.backend, journey.gitlab)
    assert (await prepare_stack(journey.d, journey.d.storage)).lineage == journey.states[0]["storage"].lineage
    done = await migrate(journey.d, journey.d.backend, journey.gitlab)
    assert "resources" in done["storage"]
    assert "resources" in done["app"]
    again = await migrate(journey.d, journey.d.backend, journey.gitlab)
    assert again == {"storage": "was already moved", "app": "was already moved"}
    d = keep_states_in(journey.d, journey.gitlab)
    assert (await pull_state(d, d.app)).lineage == journey.states[0]["app"].lineage
