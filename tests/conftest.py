"""Real servers for the tests: each test process starts its own LocalStack and PostgreSQL when asked."""

import os
import signal
from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from pipeline.machine.network import without_proxy
from pipeline.servers.localstack import LocalStack
from pipeline.servers.localstack import localstack as run_localstack
from pipeline.servers.postgres import Postgres
from pipeline.servers.postgres import postgres as run_postgres


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    directory = tmp_path_factory.mktemp("localstack")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(run_localstack(directory)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    directory = tmp_path_factory.mktemp("postgres")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(run_postgres(directory)) as server,
    ):
        yield server


os.environ.update(without_proxy())  # the tests' own clients ask servers on the loopback
os.environ["DAGGER_MAIN_OBJECT"] = "Pipeline"  # as in a module's container; read when dagger is imported


def pytest_configure() -> None:
    """Undo an ignored SIGINT, which what a shell starts in the background has and hands on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
