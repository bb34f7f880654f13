"""Real servers for the tests: each test process starts its own LocalStack and PostgreSQL when asked."""

from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from pipeline.rehearsal.localstack import LocalStack
from pipeline.rehearsal.localstack import localstack as run_localstack
from pipeline.rehearsal.postgres import Postgres
from pipeline.rehearsal.postgres import postgres as run_postgres


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
