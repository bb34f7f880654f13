"""WAL that waits although the bucket has a segment of that name: the server knows whether it is its own."""

import os
import time
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


UNPROVEN = "but the server has not noted its own as archived: archiving lags, or the volume was made from"


def test_a_segment_that_still_waits_after_a_check_that_passed_is_not_taken_and_no_cause_is_called_proven(
    server: Server, waiting: Path
) -> None:
    with pytest.raises(Failed, match=f"the bucket has a WAL segment {waiting.stem}, {UNPROVEN}") as refused:
        require_taken(server, waiting.touch)
    assert "`Archiving fails`" in refused.value.fix, (
        "it does not send to a recovery of a database that is well"
    )


def test_while_the_server_notes_other_segments_the_patience_begins_again_up_to_a_bound(
    server: Server, waiting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.sql(
        server.maintenance, "create sequence public.noted"
    )  # nobody archives here: each look counts one more
    moving = archive.LOOK.replace("archived_count", "nextval('public.noted')")
    for name, value in {"PATIENCE": 0.5, "LONGEST": 2, "LOOK": moving}.items():
        monkeypatch.setattr(archive, name, value)
    began = time.monotonic()
    try:
        with pytest.raises(Failed, match=UNPROVEN):
            require_taken(server, waiting.touch)
        assert 2 <= time.monotonic() - began < 10
        assert int(server.sql(server.maintenance, "select nextval('public.noted')")) > 3
    finally:
        server.sql(server.maintenance, "drop sequence public.noted")


def test_a_segment_that_the_server_has_noted_as_archived_is_good(server: Server, waiting: Path) -> None:
    require_taken(server, lambda: waiting.with_suffix(".done").touch())
    waiting.with_suffix(".done").unlink()
