"""The embedded PostgreSQL itself: where it runs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.servers import postgres as embedded
from pipeline.servers.postgres import binaries


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that only its owner may enter, with PostgreSQL installed in it under a umask of 077."""
    installed = binaries().parents[1]
    found = tmp_path / "private"
    for name in (f"{installed.name}/{binaries().parent.name}", f"{installed.name}.libs"):
        shutil.copytree(installed.parent / name, found / name, symlinks=True)
    for path in (found, *(path for path in found.rglob("*") if not path.is_symlink())):
        path.chmod(path.stat().st_mode & 0o700)
    here = found / binaries().relative_to(installed.parent)
    monkeypatch.setattr(embedded, "binaries", lambda: here)
    yield found
    shutil.rmtree(found)


async def test_it_runs_in_a_directory_that_only_its_owner_may_enter(private: Path) -> None:
    umask = os.umask(0o077)
    try:
        async with embedded.postgres(private / "server") as server:
            assert server.bin.is_relative_to(private)
            assert server.psql("show data_directory") == str(private / "server/data")
    finally:
        os.umask(umask)
