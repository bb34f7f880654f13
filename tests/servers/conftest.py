"""The host runner, in a folder of its own."""

from pathlib import Path

import pytest

from pipeline.reporting.progress import Progress
from pipeline.runners.host import HostRunner
from tests.support.host_steps import SECRET


@pytest.fixture
def runner(tmp_path: Path) -> HostRunner:
    return HostRunner(tmp_path, {"TOKEN": SECRET, "KEY": "-----KEY-----\n"}, Progress())
