"""The app ends only after a verified backup; otherwise it stays."""

import json

import pytest

from pipeline.deploy.destroy import destroy
from pipeline.errors import PipelineError, VerifyFailed
from tests.support.recording import PROOF, RecordingRunner, deployment, plan_json, said_by_ansible
from tests.support.second_run import DATABASE, in_order


async def test_nocodb_comes_back_when_the_backup_before_a_destruction_fails() -> None:
    runner = RecordingRunner({"backup": (1, "")})
    with pytest.raises(PipelineError):
        await destroy(deployment(runner))
    assert in_order(runner, "stop NocoDB", "backup", "start NocoDB")
    assert "app: apply" not in runner.names


async def test_destroy_removes_the_app_only_after_a_verified_backup() -> None:
    doomed = (0, plan_json((DATABASE, "delete")))
    runner = RecordingRunner({"app: read plan": doomed})
    counts = await destroy(deployment(runner))
    assert in_order(runner, "stop NocoDB", "backup", "verify: restore and compare", "app: apply")
    assert counts["delete"] == 1
    assert not [name for name in runner.names if name.startswith("storage")]


async def test_destroy_keeps_the_app_when_the_backup_does_not_come_back() -> None:
    different = (0, said_by_ansible(json.dumps({**PROOF, "mismatches": 1})))
    runner = RecordingRunner({"verify: restore and compare": different})
    with pytest.raises(VerifyFailed):
        await destroy(deployment(runner))
    assert "app: apply" not in runner.names
