"""The server that the tests of recoveries share: a database's container that archives into LocalStack."""

from collections.abc import Iterator

import pytest

from tests.support.archiving import Archiving, archiving, storage_for_containers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archiving]:
    """A server with 500 customers and a full physical backup."""
    directory = tmp_path_factory.mktemp("recovery")
    with storage_for_containers(directory) as storage, archiving(directory / "node", storage) as server:
        server.sql("create table customers (id int primary key, name text)")
        server.sql("insert into customers select n, 'customer ' || n from generate_series(1, 500) n")
        server.backup()
        yield server
