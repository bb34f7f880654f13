"""A database ends only after a verified backup; otherwise it stays."""

import pytest

from pipeline.deploy.agreement import note_agreement
from pipeline.deploy.order import deploy
from pipeline.errors import ToolError
from tests.support.recording import RecordingRunner, deployment, plan_json
from tests.support.second_run import DATABASE, SECOND, in_order


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
