"""What the stacks and the playbooks are tried in: workspaces, an emulator, a GitLab that keeps states."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.aws.account import Cloud
from pipeline.rehearsal.workspace import throwaway_workspace
from pipeline.servers.localstack import LocalStack
from tests.support.ansible_workspace import Workspace, make_workspace
from tests.support.clouds import cloud_of
from tests.support.gitlab_server import GitLab, gitlab_server


@pytest.fixture
def workspace() -> Iterator[Path]:
    """A checkout as a fresh clone has it: without any state."""
    with throwaway_workspace() as directory:
        yield directory / "workspace"


@pytest.fixture(scope="module")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The playbooks with nodes that are directories; the tests of a file share it."""
    return make_workspace(tmp_path_factory.mktemp("ansible"))


@pytest.fixture(scope="session")
def cloud(localstack: LocalStack) -> Cloud:
    return cloud_of(localstack)


@pytest.fixture
def server() -> Iterator[GitLab]:
    """A GitLab that keeps states."""
    with gitlab_server() as found:
        yield found
