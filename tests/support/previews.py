"""A deployment as it should be, and ways to preview, save and deploy its plans."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest

from pipeline.deploy.order import deploy
from pipeline.deploy.preview import Preview, preview
from pipeline.deploy.saved_plans import SavedPlans
from pipeline.errors import PipelineError, most_telling
from tests.support.recording import (
    FreeCloud,
    RecordingRunner,
    app_state_json,
    deployment,
    plan_json,
    state_json,
)

NODE = 'aws_instance.node["database"]'


KEPT = SavedPlans(PurePosixPath("/kept"))


MANIFEST = "/kept/manifest.json"


PLAYBOOKS = ("swarm.yml", "nocodb.yml", "backup.yml")


def stats(changed: int) -> str:
    return json.dumps({"_event": "v2_playbook_on_stats", "stats": {"manager": {"ok": 3, "changed": changed}}})


QUIET = {
    "storage: state": (0, state_json()),
    "storage: plan": (0, ""),
    "app: state": (0, app_state_json()),
    "app: plan": (0, ""),
    "code: list": (0, "infrastructure/terraform/main.tf\n"),
    "code: read": (0, "a = 1\n"),
    **{f"ansible: {name} --check": (0, stats(0)) for name in PLAYBOOKS},
}
"""A deployment that is as it should be."""


OLDER = {"storage: state": (0, state_json().replace("s3_bucket_name", "bucket_name"))}
"""The same, last deployed when storage's outputs had other names."""


def growing(address: str = "aws_vpc.main", stack: str = "app") -> dict[str, Any]:
    return {f"{stack}: plan": (2, ""), f"{stack}: read plan": (0, plan_json((address, "create")))}


def first() -> dict[str, Any]:
    """Return what is seen where nothing was deployed yet: the app's plan can be foreseen."""
    values = {"instance_type": "t3.medium"}
    change = {"actions": ["create"], "before": None, "after": values}
    node = {"address": NODE, "type": "aws_instance", "change": change}
    return {
        "storage: state": (0, ""),
        "app: state": (0, ""),
        "storage: plan": (2, ""),
        "storage: read plan": (0, plan_json(("aws_s3_bucket.backups", "create"))),
        "app: forecast": (2, ""),
        "app: read plan": (0, json.dumps({"resource_changes": [node]})),
    }


async def seen(answers: dict[str, Any] | None = None, cloud: FreeCloud | None = None) -> Preview:
    return await preview(deployment(RecordingRunner(QUIET | (answers or {})), cloud), KEPT)


async def saved(answers: dict[str, Any]) -> RecordingRunner:
    """Return a runner in whose folder plans are kept, as if it had run nothing yet."""
    runner = RecordingRunner(QUIET | answers)
    await preview(deployment(runner), KEPT)
    runner.steps.clear()
    runner.ended.clear()
    return runner


async def refused(runner: RecordingRunner, cloud: FreeCloud | None = None) -> PipelineError:
    with pytest.raises((PipelineError, ExceptionGroup)) as caught:
        await deploy(deployment(runner, cloud), KEPT)
    error = most_telling(caught.value)
    assert isinstance(error, PipelineError)
    assert error.exit_code == 3
    assert not [name for name in runner.names if name.endswith(": apply")]
    return error


def applied(runner: RecordingRunner) -> dict[str, str]:
    return {step.name: step.command[-1] for step in runner.steps if step.name.endswith(": apply")}
