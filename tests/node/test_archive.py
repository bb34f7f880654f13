"""WAL that the bucket does not take, although it has a segment of that name: the server knows it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quickdata_node.config import load
from quickdata_node.physical import archive
from quickdata_node.run import Failed, Run
from quickdata_node.server import Server, find_server
from tests.support.backup_node import Node


@pytest.fixture
def server(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(os, "environ", os.environ.copy())  # the program sets its own
    monkeypatch.setattr(archive, "PATIENCE", 1)
    run = Run("physical-backup.sh")
    yield find_server(run, load(run, node.config))
    run.finish(0, "")


@pytest.fixture
def waiting(server: Server) -> Iterator[Path]:
    """The file that says that the present segment waits; nobody archives here."""
    segment = server.sql(server.maintenance, archive.CURRENT).strip()
    data = server.sql(server.maintenance, "show data_directory").strip()
    file = Path(data, "pg_wal/archive_status", f"{segment}.ready")
    yield file
    file.unlink(missing_ok=True)


def require_taken(server: Server, check: Callable[[], Any]) -> None:
    """Look, with a check of pgBackRest that passes: it does so for any segment of that name in the bucket."""
    backrest: Any = SimpleNamespace(check=check)
    archive.require_taken(server, backrest)


def test_a_segment_that_still_waits_after_a_check_that_passed_was_refused(
    server: Server, waiting: Path
) -> None:
    with pytest.raises(Failed, match=f"the bucket has another WAL segment {waiting.stem}, and does not"):
        require_taken(server, waiting.touch)


def test_a_segment_that_the_server_has_noted_as_archived_is_good(server: Server, waiting: Path) -> None:
    require_taken(server, lambda: waiting.with_suffix(".done").touch())
    waiting.with_suffix(".done").unlink()
