"""Dagger's engine as these tests know it, a runner of each kind, the module, and a key for the nodes."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dagger import dag

from pipeline.containers import deployment as contained
from pipeline.containers import services
from pipeline.module import Pipeline
from tests.support.dagger_calls import Reached
from tests.support.engine import Engine, engine, refuse_processes
from tests.support.runners import runner
from tests.support.ssh_keys import lay_key, require_keygen

__all__ = ["engine", "runner"]


@pytest.fixture
def pipeline(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    refuse_processes(engine, monkeypatch)
    monkeypatch.setattr(services, "START_LIMIT", 5.0)
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in ("PATH", "HOME")})
    folder = dag.directory()
    return Pipeline(infrastructure=folder, locked=folder, package=folder, source=folder)


@pytest.fixture
def key(tmp_path: Path) -> str:
    require_keygen()
    lay_key(tmp_path / "key")
    return (tmp_path / "key").read_text()


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stop where every verb on AWS has its deployment, and note what it was made of."""
    found: list[Any] = []

    @asynccontextmanager
    async def deployment(*arguments: Any) -> AsyncIterator[Any]:
        found.extend(arguments)
        raise Reached("reached", "-")
        yield

    monkeypatch.setattr(contained, "deployment", deployment)
    return found
