"""A restore on the node: NocoDB is away meanwhile, and comes back whatever happens."""

import json

import pytest

from pipeline.backups.node import restore
from pipeline.errors import PipelineError
from tests.support.recording import (
    PROOF,
    RecordingRunner,
    deployment,
    said_by_ansible,
)


async def test_a_restore_keeps_nocodb_away_and_says_for_how_long() -> None:
    runner = RecordingRunner({"restore": (0, said_by_ansible(json.dumps(PROOF)))})
    figures = await restore(deployment(runner))
    assert runner.names == ["stop NocoDB", "restore", "start NocoDB"]
    assert figures["nocodb_away_seconds"] >= 0


async def test_nocodb_comes_back_after_a_restore_that_failed() -> None:
    runner = RecordingRunner({"restore": (1, "")})
    with pytest.raises(PipelineError):
        await restore(deployment(runner))
    assert runner.names == ["stop NocoDB", "restore", "start NocoDB"]


async def test_a_nocodb_that_does_not_start_again_does_not_hide_why_the_restore_failed() -> None:
    runner = RecordingRunner({"restore": (1, ""), "start NocoDB": (1, "")})
    with pytest.raises(PipelineError, match=r"^restore") as caught:
        await restore(deployment(runner))
    assert "start NocoDB" in caught.value.__notes__[0]
