"""The configuration that the tests of a reservation share."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def config(tmp_path: Path) -> Any:
    (tmp_path / "physical").mkdir()
    return SimpleNamespace(lock_file=tmp_path / "lock", physical_dir=tmp_path / "physical")
