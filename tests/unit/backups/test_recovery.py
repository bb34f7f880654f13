"""A recovery on the node: what is stopped for how long, and what the operator is shown."""

import json

import pytest

from pipeline.backups.recovery import (
    Target,
    bring_back,
    brought_back_in_words,
    drill,
    drill_in_words,
    in_words,
    look,
    recover,
    table,
)
from pipeline.errors import PipelineError
from tests.support.recording import RecordingRunner, deployment, said_by_ansible

LOOK = "recovery: look at the backups and the WAL"
RECOVER = "recovery: restore, replay and compare"
SWAP = "recovery: swap the files"
GIVE_UP = "recovery: give it up"
REMOVE = "recovery: remove older files"
COPY, SWAP_ONE = "recovery: restore, replay, copy and compare", "recovery: swap the database"
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
    "not_archived": "",
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
    REMOVE: (0, said_by_ansible("{}")),
}
TIME = Target(time="2026-11-28T14:55:00+01:00")


async def test_nocodb_and_the_database_are_stopped_only_for_the_swap() -> None:
    runner = RecordingRunner(ANSWERS)
    figures = await recover(deployment(runner), TIME)
    stops, starts = ["stop NocoDB", "stop the database"], ["start the database", "start NocoDB"]
    assert runner.names == [RECOVER, *stops, SWAP, *starts, "physical backup", REMOVE]
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
        (
            "start the database",
            "if NocoDB's password is refused, that moment was before a rotation: run `quickdata dep",
        ),
        (
            "start NocoDB",
            "if NocoDB's password is refused, that moment was before a rotation: run `quickdata deploy`",
        ),
        ("physical backup", "run physical-backup.sh on the database node"),
        (REMOVE, "run recover-pg.sh --config FILE --remove-older 0123abcd on the database node"),
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


async def test_a_swap_whose_answer_is_lost_is_not_called_a_failed_one() -> None:
    live = {"action": "live", "id": "0123abcd", "kept": "/srv/x"}
    runner = RecordingRunner({**ANSWERS, SWAP: (1, ""), GIVE_UP: (0, said_by_ansible(json.dumps(live)))})
    with pytest.raises(PipelineError) as caught:
        await recover(deployment(runner), TIME)
    assert "the database is that of 2026-11-28 13:55:00Z, but then: " in caught.value.what
    assert caught.value.fix.startswith("run physical-backup.sh on the database node; the formerly live files")


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


async def test_nocodb_is_stopped_for_the_swap_of_its_own_database_and_for_no_other() -> None:
    copy, swap = "recovery: restore, replay, copy and compare", "recovery: swap the database"
    for name, stops in (("nocodb_db", True), ("shop", False)):
        said = {**FOUND, "into": name, "into_bytes": 7, "refused": []}
        kept = {"kept": f"{name}_before_0123abcd", "older": []}
        answers = {copy: (0, said_by_ansible(json.dumps(said))), swap: (0, said_by_ansible(json.dumps(kept)))}
        runner = RecordingRunner(answers)
        figures = await bring_back(deployment(runner), Target(TIME.time, into=name))
        around = (["stop NocoDB"], ["start NocoDB"]) if stops else ([], [])
        assert runner.names == [copy, *around[0], swap, *around[1]]
        assert runner.steps[0].command[-1].endswith(f"--to-time {TIME.time} --into {name}")
        swapped = next(step for step in runner.steps if step.name == swap)
        assert swapped.command[-1].endswith(f"--go-live 0123abcd --into {name}")
        words = brought_back_in_words(figures)
        assert ("NocoDB was down for" in words) == stops
        assert words.endswith(f"the old database is {name}_before_0123abcd")


async def test_a_swap_of_one_database_that_fails_is_given_up_and_nocodb_runs() -> None:
    copy, swap = "recovery: restore, replay, copy and compare", "recovery: swap the database"
    said = {**FOUND, "into": "nocodb_db", "into_bytes": 7, "refused": []}
    runner = RecordingRunner({copy: (0, said_by_ansible(json.dumps(said))), swap: (1, "")})
    with pytest.raises(PipelineError):
        await bring_back(deployment(runner), Target(TIME.time, into="nocodb_db"))
    assert runner.names[-3:] == [swap, "start NocoDB", GIVE_UP]
    assert runner.steps[-1].command[-1].endswith("--give-up 0123abcd")


@pytest.mark.parametrize(
    ("answers", "fix"),
    [
        ({"start NocoDB": (1, "")}, "look at docker service logs of NocoDB"),
        ({SWAP_ONE: (1, "")}, "look at docker service logs of NocoDB"),
    ],
)
async def test_what_fails_after_the_swap_of_a_database_names_the_old_one(
    answers: dict[str, tuple[int, str]], fix: str
) -> None:
    said = {**FOUND, "into": "nocodb_db", "into_bytes": 7, "refused": []}
    live = {"action": "live", "kept": "nocodb_db_before_0123abcd", "older": []}
    good = {COPY: said, SWAP_ONE: live, GIVE_UP: live}
    prepared = {name: (0, said_by_ansible(json.dumps(each))) for name, each in good.items()}
    with pytest.raises(PipelineError) as caught:
        await bring_back(
            deployment(RecordingRunner({**prepared, **answers})), Target(TIME.time, into="nocodb_db")
        )
    assert "nocodb_db is that of 2026-11-28 13:55:00Z, but then: " in caught.value.what
    assert caught.value.fix.startswith(fix)
    assert "the formerly live database is nocodb_db_before_0123abcd" in caught.value.fix


async def test_older_kept_databases_are_named_with_their_sizes_and_none_is_dropped() -> None:
    older = [{"database": "shop_before_00000000", "bytes": 7_000_000}]
    said = {**FOUND, "into": "shop", "into_bytes": 7, "older": older, "refused": []}
    assert list(table(said))[-1].startswith("older    shop_before_00000000 (7 MB), which stays; ")
    kept = {**said, "kept": "shop_before_0123abcd"}
    assert brought_back_in_words(kept).endswith("stay until you drop them: shop_before_00000000 (7 MB)")


def test_a_question_does_not_hide_that_the_newest_rows_are_not_in_the_bucket() -> None:
    lines = list(table({**FOUND, "lost_seconds": 172_800, "not_archived": "archiving fails"}))
    assert lines[-2:] == [
        "WARNING  the newest rows are not in the bucket: archiving fails",
        "lost     what was written in the last 2 d",
    ]


def test_the_question_about_one_database_says_that_nothing_is_lost() -> None:
    for size, shown in ((7_000_000, "7 MB"), (0, "not on the live server now")):
        lines = list(table({**FOUND, "into": "shop", "into_bytes": size, "older": []}))
        assert lines[-2] == f"database shop, {shown}"
        assert lines[-1] == "kept     what was written in the last 5 min, in the database that is there now"


async def test_a_drill_takes_the_newest_point_and_removes_what_it_made() -> None:
    said = {**FOUND, "point": "quickdata_x", "rpo_seconds": 20, "rto_seconds": 31.5}
    name = "physical drill: recover, compare, look for damage"
    runner = RecordingRunner({name: (0, said_by_ansible(json.dumps(said)))})
    figures = await drill(deployment(runner))
    assert runner.steps[0].command[-1].endswith("--to-point latest --verify")
    assert drill_in_words(figures).endswith("pg_amcheck finds no damage; RPO at most 20 s, RTO 31.5 s")
