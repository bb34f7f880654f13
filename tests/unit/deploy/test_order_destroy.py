"""A database or an app ends only after a verified backup; otherwise it stays."""

import json

import pytest

from pipeline.deploy.agreement import note_agreement
from pipeline.deploy.order import deploy, destroy
from pipeline.errors import (
    PipelineError,
    ToolError,
    VerifyFailed,
)
from tests.support.recording import (
    PROOF,
    RecordingRunner,
    deployment,
    plan_json,
    said_by_ansible,
)
from tests.support.second_run import DATABASE, SECOND, in_order


async def test_nocodb_comes_back_when_the_backup_before_a_destruction_fails() -> None:
    runner = RecordingRunner({"backup": (1, "")})
    with pytest.raises(PipelineError):
        await destroy(deployment(runner))
    assert in_order(runner, "stop NocoDB", "backup", "start NocoDB")
    assert "app: apply" not in runner.names


@pytest.mark.parametrize("address", [DATABASE, "aws_ebs_volume.postgres", "aws_volume_attachment.postgres"])
@pytest.mark.parametrize("action", ["delete", "replace", "forget"])
async def test_a_doomed_database_is_backed_up_and_verified_before_the_app_is_applied(
    address: str, action: str
) -> None:
    doomed = (0, plan_json((address, action)))
    runner = RecordingRunner({**SECOND, "app: plan": (2, ""), "app: read plan": doomed})
    await deploy(deployment(runner), agree=note_agreement)
    assert in_order(runner, "stop NocoDB", "backup", "verify: restore and compare", "app: apply")


async def test_a_doomed_database_whose_backup_fails_is_kept() -> None:
    doomed = (0, plan_json((DATABASE, "replace")))
    runner = RecordingRunner({**SECOND, "app: plan": (2, ""), "app: read plan": doomed, "backup": (1, "")})
    with pytest.raises(ToolError, match="backup"):
        await deploy(deployment(runner), agree=note_agreement)
    assert "app: apply" not in runner.names


async def test_an_app_plan_that_spares_the_database_needs_no_backup_first() -> None:
    harmless = (0, plan_json(('aws_instance.node["manager"]', "replace")))
    runner = RecordingRunner({**SECOND, "app: plan": (2, ""), "app: read plan": harmless})
    await deploy(deployment(runner), agree=note_agreement)
    assert in_order(runner, "app: apply", "backup")
    assert "stop NocoDB" not in runner.names


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
