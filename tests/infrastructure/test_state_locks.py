"""The locks of states, in each place: seen, explained, taken, broken."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.aws.account import Cloud
from pipeline.deploy.check import check
from pipeline.deploy.destroy import destroy
from pipeline.deploy.order import deploy
from pipeline.deployment import Deployment, keep_states_in
from pipeline.errors import BucketTaken, SettingsError, StateElsewhere, StateLocked, StateLost, ToolError
from pipeline.states.ready import RECORD, require_unlocked
from pipeline.steps.lock import Lock, new_lock
from pipeline.steps.step import Result
from pipeline.tofu.backends import gitlab
from pipeline.tofu.backends.local import FILE, INFO
from pipeline.tofu.backends.s3 import S3
from tests.support.gitlab_server import PAT, PROJECT, USER, GitLab, gitlab_server
from tests.support.locks import OF_THE_TOOL
from tests.support.recording import FreeCloud, RecordingRunner, deployment
from tests.support.verbs import do

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class Workspace(RecordingRunner):
    """A recording runner whose files are real."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root  # type: ignore[assignment]

    async def read(self, path: object) -> str | None:
        found = self.root / str(path)
        return found.read_text() if found.exists() else await super().read(path)  # type: ignore[arg-type]


def in_gitlab(server: GitLab, token: str = PAT, project: str = PROJECT) -> Deployment:
    backend = gitlab.GitLab(server.url, project, USER, token, "ppr")
    return keep_states_in(deployment(RecordingRunner()), backend)


@pytest.fixture
def places(server: GitLab, cloud: Cloud) -> list[Deployment]:
    """A deployment with its states in S3, and one with its states in GitLab."""
    return [
        keep_states_in(deployment(RecordingRunner(), cloud), S3(cloud, "locks-tfstate")),  # type: ignore[arg-type]
        in_gitlab(server),
    ]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """A process that holds a local lock, as the tools do."""
    folder.mkdir(parents=True)
    state = folder / "terraform.tfstate"
    state.write_text("{}")
    (folder / INFO).write_text(json.dumps(Lock("12-3", "me@host", "OperationTypeApply", NOON).document()))
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.kill()


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


async def test_a_local_lock_of_a_living_process_is_told_and_cannot_be_broken(tmp_path: Path) -> None:
    d = deployment(Workspace(tmp_path))
    with held(tmp_path / d.storage.workdir):
        found = await d.backend.find_lock(d.storage)
        assert found
        assert (found.id, found.who) == ("12-3", "me@host")
        with pytest.raises(StateLocked, match=r"living process.*me@host"):
            await d.backend.release(d.storage, found)
        with pytest.raises(StateLocked, match="me@host"):
            async with d.backend.hold_lock(d.storage, new_lock("x")):
                pytest.fail("it was held twice")


async def test_what_a_dead_process_left_beside_a_local_state_is_no_lock(tmp_path: Path) -> None:
    d = deployment(Workspace(tmp_path))
    with held(tmp_path / d.storage.workdir):
        pass
    assert (tmp_path / d.storage.workdir / INFO).exists()
    assert await d.backend.find_lock(d.storage) is None


async def test_a_lock_is_held_by_one_only_and_given_back(places: list[Deployment], cloud: Cloud) -> None:
    await places[0].backend.create()
    for d in places:
        mine = new_lock("migrate-state")
        async with d.backend.hold_lock(d.app, mine):
            with pytest.raises(StateLocked, match=r"app: the state is locked by .* \(lock"):
                async with d.backend.hold_lock(d.app, new_lock("other")):
                    pytest.fail("it was held twice")
            found = await d.backend.find_lock(d.app)
            assert found
            assert found.id == mine.id
            assert found.created
            with pytest.raises(StateLocked):
                await require_unlocked(d, d.app)
            await require_unlocked(d, d.storage)
        assert await d.backend.find_lock(d.app) is None


async def test_only_the_lock_that_was_shown_is_broken(places: list[Deployment]) -> None:
    await places[0].backend.create()
    for d in places:
        async with d.backend.hold_lock(d.app, new_lock("x")):
            with pytest.raises(StateLocked):
                await d.backend.release(d.app, Lock("shown-before"))
            found = await d.backend.find_lock(d.app)
            assert found
            await d.backend.release(d.app, found)
            assert await d.backend.find_lock(d.app) is None


async def test_every_step_of_a_stack_knows_where_its_state_is(places: list[Deployment]) -> None:
    for d in places:
        for stack in (d.storage, d.app, replace(d.app, name=f"app in {d.backend.name}")):
            steps = (stack.init(), stack.plan("x"), stack.apply("x"), stack.state(), stack.output())
            assert {step.state for step in steps} == {d.backend.name}
            failed = Result(steps[0], 1, "", OF_THE_TOOL.format("api error"), 0.0)
            with pytest.raises(StateLocked) as caught:
                failed.check()
            name = stack.name.split()[0]
            assert f"`quickdata unlock {name} --state {d.backend.name}`" in caught.value.fix


@pytest.mark.parametrize("name", ["s3", "http"])
async def test_unlock_does_not_say_that_nobody_holds_a_lock_where_no_state_is(
    tmp_path: Path, name: str
) -> None:
    d = deployment(Workspace(tmp_path))
    record = tmp_path / d.app.workdir / RECORD
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"backend": {"type": name}}))
    with pytest.raises(StateElsewhere, match="app: this checkout keeps its state in"):
        await do("unlock", d, "app")
    await do("unlock", d, "storage")


async def test_unlock_of_a_place_beside_a_local_state_says_so(tmp_path: Path, server: GitLab) -> None:
    backend = gitlab.GitLab(server.url, PROJECT, USER, PAT, "ppr")
    d = keep_states_in(deployment(Workspace(tmp_path)), backend)
    (tmp_path / d.app.workdir).mkdir(parents=True)
    (tmp_path / d.app.workdir / FILE).write_text('{"resources": [{}]}')
    with pytest.raises(StateLost, match="this checkout also has a local state"):
        await do("unlock", d, "app")
    server.locks["quickdata-ppr-app"] = {
        "ID": "1-2",
        "Who": USER,
        "Created": "2026-01-02T03:04:05Z",
    }  # of a move that died on its way there
    await do("unlock", d, "app")
    assert server.locks == {}


@pytest.mark.parametrize("verb", [deploy, destroy])
async def test_a_locked_state_stops_a_run_before_its_first_step(server: GitLab, verb: object) -> None:
    d = in_gitlab(server)
    server.locks["quickdata-ppr-app"] = {"ID": "1-2", "Who": USER, "Created": "2026-01-02T03:04:05Z"}
    with pytest.raises((StateLocked, ExceptionGroup)) as caught:
        await verb(d)  # type: ignore[operator]
    raised = caught.value
    found = raised.exceptions[0] if isinstance(raised, ExceptionGroup) else raised
    assert "2026-01-02 03:04:05 UTC" in str(found)
    assert not {step.name for step in d.runner.steps} & {"app: init", "app: plan", "storage: plan"}  # type: ignore[attr-defined]
    assert server.locks["quickdata-ppr-app"]["ID"] == "1-2"


async def said_by_check(d: Deployment) -> str:
    return str(next(each for each in await check(d) if each.about == "states"))


async def test_check_tells_of_a_lock_where_that_can_be_seen_and_changes_nothing(
    tmp_path: Path, places: list[Deployment]
) -> None:
    local = deployment(Workspace(tmp_path))
    assert "nobody holds a lock" in await said_by_check(local)
    with held(tmp_path / local.storage.workdir):
        assert "storage: the state is locked by me@host" in await said_by_check(local)
    s3, project = places
    await s3.backend.create()
    async with s3.backend.hold_lock(s3.app, new_lock("x")):
        assert "app: the state is locked by" in await said_by_check(s3)
        keys = s3.cloud.client("s3").list_objects_v2(Bucket="locks-tfstate")["Contents"]
        assert [each["Key"] for each in keys] == ["app/terraform.tfstate.tflock"]
    assert "✓ states: in s3://locks-tfstate; nobody" in await said_by_check(s3)
    assert "locks were not checked" in await said_by_check(project)


async def test_check_makes_no_bucket(cloud: Cloud) -> None:
    d = keep_states_in(deployment(RecordingRunner(), cloud), S3(cloud, "nobodys-tfstate"))  # type: ignore[arg-type]
    assert "does not exist yet: deploy creates it" in await said_by_check(d)
    assert not await cloud.owns("nobodys-tfstate")


async def test_a_states_bucket_of_somebody_else_is_told() -> None:
    class Taken(FreeCloud):
        async def owns(self, bucket: str) -> bool:
            if bucket.endswith("-tfstate"):
                raise BucketTaken("belongs to another account", "choose another")
            return False

    local = deployment(RecordingRunner(), Taken())
    d = keep_states_in(local, S3(local.cloud, "somebodys-tfstate"))
    assert "another account" in await said_by_check(d)


async def test_what_gitlab_refuses_is_told_with_its_fix(server: GitLab) -> None:
    for d in (in_gitlab(server, token="wrong"), in_gitlab(server, project="team/other")):
        with pytest.raises(SettingsError, match=r"refuses GITLAB_USER and GITLAB_PAT for .*: HTTP 40[14]"):
            await d.backend.find_lock(d.app)
    assert "HTTP 401" in await said_by_check(in_gitlab(server, token="wrong"))
    assert "HTTP 404" in await said_by_check(in_gitlab(server, project="team/other"))


async def test_a_gitlab_that_does_not_answer_is_told() -> None:
    with gitlab_server() as gone:
        d = in_gitlab(gone)
    with pytest.raises(ToolError, match="does not answer"):
        await d.backend.look()
