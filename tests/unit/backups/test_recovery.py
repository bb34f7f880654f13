"""A recovery on the node: what is stopped for how long, and what the operator is shown."""

import json

import pytest

from pipeline.backups.recovery import Target, drill, drill_in_words, in_words, look, recover, table
from pipeline.errors import PipelineError
from tests.support.recording import RecordingRunner, deployment, said_by_ansible

LOOK = "recovery: look at the backups and the WAL"
RECOVER = "recovery: restore, replay and compare"
SWAP = "recovery: swap the files"
GIVE_UP = "recovery: give it up"
FOUND = {
    "moment": "2026-11-28 13:55:00Z",
    "point": None,
    "timeline": 1,
    "backup": "20261128-011700F",
    "backup_finished_at": "2026-11-28 01:17:30Z",
    "earliest": "2026-11-20 01:17:30Z",
    "latest": "2026-11-28 14:00:00Z",
    "wal_segments": 40,
    "wal_bytes": 5_000_000,
    "needed_bytes": 2_000_000_000,
    "reserve_bytes": 1_000_000_000,
    "free_bytes": 9_000_000_000,
    "lost_seconds": 300,
    "id": "0123abcd",
    "compared": False,
    "tables": 3,
    "rows": 70,
}
ANSWERS = {
    LOOK: (0, said_by_ansible(json.dumps(FOUND))),
    RECOVER: (0, said_by_ansible(json.dumps(FOUND))),
    SWAP: (0, said_by_ansible(json.dumps({"id": "0123abcd", "kept": "/srv/x"}))),
    "physical backup": (0, said_by_ansible(json.dumps({"label": "l"}))),
}
TIME = Target(time="2026-11-28T14:55:00+01:00")


async def test_nocodb_and_the_database_are_stopped_only_for_the_swap() -> None:
    runner = RecordingRunner(ANSWERS)
    figures = await recover(deployment(runner), TIME)
    stops, starts = ["stop NocoDB", "stop the database"], ["start the database", "start NocoDB"]
    assert runner.names == [RECOVER, *stops, SWAP, *starts, "physical backup"]
    assert runner.steps[3].command[-1].endswith("--go-live 0123abcd")
    assert "NocoDB was down for" in in_words(figures)
    assert "no proof for that moment; " in in_words(figures)


async def test_a_swap_that_fails_starts_both_again() -> None:
    runner = RecordingRunner({**ANSWERS, SWAP: (1, "")})
    with pytest.raises(PipelineError):
        await recover(deployment(runner), TIME)
    assert runner.names[-4:] == [SWAP, "start the database", "start NocoDB", GIVE_UP]
    assert runner.steps[-1].command[-1].endswith("--give-up 0123abcd")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("start the database", "look at docker service logs of NocoDB and of its database"),
        ("start NocoDB", "look at docker service logs of NocoDB and of its database"),
        ("physical backup", "run physical-backup.sh on the database node"),
    ],
)
async def test_what_fails_after_the_swap_names_the_old_files_and_what_to_do(step: str, said: str) -> None:
    runner = RecordingRunner({**ANSWERS, GIVE_UP: (0, said_by_ansible("{}")), step: (1, "")})
    with pytest.raises(PipelineError) as caught:
        await recover(deployment(runner), TIME)
    assert "the database is that of 2026-11-28 13:55:00Z, but then: " in caught.value.what
    assert caught.value.fix.startswith(said)
    assert "the formerly live files are in /srv/x" in caught.value.fix
    assert caught.value.exit_code == 1
    assert GIVE_UP not in runner.names


async def test_a_recovery_that_fails_stops_nothing() -> None:
    runner = RecordingRunner({RECOVER: (1, "")})
    with pytest.raises(PipelineError):
        await recover(deployment(runner), TIME)
    assert runner.names == [RECOVER]


async def test_the_question_shows_the_span_the_room_and_the_loss() -> None:
    runner = RecordingRunner(ANSWERS)
    lines = list(table(await look(deployment(runner), TIME)))
    assert runner.steps[0].command[-1].endswith("--to-time 2026-11-28T14:55:00+01:00 --check-only")
    assert lines[1] == "held     2026-11-20 01:17:30Z to 2026-11-28 14:00:00Z"
    assert lines[4:] == [
        "room     2 GB needed, 1 GB stay free for the live database, 9 GB free",
        "lost     what was written in the last 5 min",
    ]


async def test_a_drill_takes_the_newest_point_and_removes_what_it_made() -> None:
    said = {**FOUND, "point": "quickdata_x", "rpo_seconds": 20, "rto_seconds": 31.5}
    name = "physical drill: recover, compare, look for damage"
    runner = RecordingRunner({name: (0, said_by_ansible(json.dumps(said)))})
    figures = await drill(deployment(runner))
    assert runner.steps[0].command[-1].endswith("--to-point latest --verify")
    assert drill_in_words(figures).endswith("pg_amcheck finds no damage; RPO at most 20 s, RTO 31.5 s")
