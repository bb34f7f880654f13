"""A restore on the node: NocoDB is away meanwhile, and comes back whatever happens; and what came back."""

import json

import pytest

from pipeline.backups.node import missing_objects, refused_settings, restore
from pipeline.errors import PipelineError
from tests.support.recording import (
    PROOF,
    RecordingRunner,
    deployment,
    failed_in_ansible,
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


IN_PART = PROOF | {
    "missing": [{"what": "INDEX i", "why": "ERROR:  a", "command": "CREATE INDEX i\n  ON t (n);\n"}],
    "not_valid": [{"what": "FK CONSTRAINT c", "why": "ERROR:  b", "command": "ALTER TABLE t VALIDATE;\n"}],
    "otherwise": ["TRIGGER t is defined otherwise"],
}


async def test_a_restore_in_part_is_read_and_not_called_a_failure() -> None:
    runner = RecordingRunner({"restore": (2, failed_in_ansible(json.dumps(IN_PART), 5))})
    figures = await restore(deployment(runner), "b1", keep_going=True)
    assert runner.steps[1].command[-1].endswith("--id b1 --keep-going")
    assert missing_objects(figures) == [
        "INDEX i: ERROR:  a\n  build it by: CREATE INDEX i ON t (n);",
        "FK CONSTRAINT c: ERROR:  b\n  new rows are checked; validate it by: ALTER TABLE t VALIDATE;",
        "TRIGGER t is defined otherwise",
    ]


@pytest.mark.parametrize("code", [1, 4])
async def test_any_other_exit_code_is_a_failure(code: int) -> None:
    runner = RecordingRunner({"restore": (2, failed_in_ansible(json.dumps(PROOF), code))})
    with pytest.raises(PipelineError):
        await restore(deployment(runner))


def test_what_the_server_refused_is_said() -> None:
    assert refused_settings(PROOF) == ""
    assert refused_settings(PROOF | {"refused": ["a: b", "c: d"]}) == "; the server refused 2: a: b; c: d"
