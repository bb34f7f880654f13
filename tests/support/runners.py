"""Both runners with the same secrets, and a step that any of them runs."""

import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from dagger import dag

from pipeline.reporting.progress import Progress
from pipeline.runners.container import ContainerRunner
from pipeline.runners.host import HostRunner
from pipeline.steps.masks import Masks
from pipeline.steps.step import Runner, Step
from tests.support.engine import Engine

SECRETS = {"TOKEN": "s3cr3t/with+signs", "KEY": "-----KEY-----\n"}


def contained(root: Path, progress: Progress | None = None) -> ContainerRunner:
    secrets = {name: dag.set_secret(name, value) for name, value in SECRETS.items()}
    toolbox = dag.container().with_env_variable("LC_ALL", "C.UTF-8").with_env_variable("HOME", "/root")
    masks = Masks(SECRETS)
    return ContainerRunner(toolbox, secrets, masks, progress or Progress(), PurePosixPath(root))


@pytest.fixture(params=["host", "container"])
def runner(request: pytest.FixtureRequest, tmp_path: Path, engine: Engine) -> Runner:
    return HostRunner(tmp_path, SECRETS, Progress()) if request.param == "host" else contained(tmp_path)


def python(code: str, **more: Any) -> Step:
    return Step("probe", (sys.executable, "-c", code), **more)
