"""Recovery to a moment: a database's container that archives into LocalStack. Needs Docker."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from quickdata_node.physical.summary import read_summary
from quickdata_node.physical.throwaway import NAME
from tests.support.archiving import DATABASE, Archiving, docker, kill
from tests.support.backup_runs import wait_for
from tests.support.live import NODES

pytestmark = [NODES, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def nothing_waits_for_its_swap(server: Archiving) -> Iterator[None]:
    yield
    server.give_up()


@pytest.fixture
def moment(server: Archiving) -> str:
    """A moment after the backup, before which a row was written, and after which the database has changed."""
    server.sql(f"insert into customers values ({server.rows() + 1}, 'before')")
    time = server.now()
    server.sql("insert into customers select max(id) + 1, 'after' from customers")
    return time.isoformat()


def test_a_dropped_table_comes_back_and_a_second_recovery_goes_to_another_moment(server: Archiving) -> None:
    server.sql("insert into customers values (501, 'before the drop')")
    before_drop = server.now()
    server.sql("drop table customers")
    server.sql("create table orders as select 1 as n")
    later = server.now()
    back = server.recover("--to-time", before_drop.isoformat())
    assert (back.code, back.json["timeline"], back.json["compared"]) == (0, 1, False), back.log
    assert server.sql("select count(*) from orders") == "1", "the live server runs on meanwhile"
    assert server.go_live(back.json["id"]).code == 0
    assert server.sql("select count(*), max(id) from customers") == "501|501"
    server.backup("auto")
    again = server.recover("--to-time", later.isoformat())
    assert (again.code, again.json["timeline"]) == (0, 1), again.log
    assert server.go_live(again.json["id"]).code == 0
    assert server.sql("select count(*) from orders") == "1"
    assert server.sql("select to_regclass('customers') is null") == "t"
    assert [each.name for each in server.recoveries()] == [again.json["id"]], "the older one is removed"
    server.backup("auto")
    third = server.recover("--to-time", before_drop.isoformat())
    assert server.go_live(third.json["id"]).code == 0
    assert server.sql("select count(*) from customers") == "501"
    assert server.backup("auto")["rows"] == 501, "the archive takes each timeline's WAL"
    assert list(read_summary(server.read("physical.json"), DATABASE).gaps) == [], "and none is missing"


def test_a_recovery_to_a_point_is_compared_with_it(server: Archiving) -> None:
    server.sql("delete from customers where id = 1")
    point = server.backup("incr")["point"]
    server.sql("delete from customers")
    done = server.recover("--to-point", point)
    assert (done.code, done.json["compared"], done.json["rows"]) == (0, True, 500), done.log
    server.give_up()
    server.forge(point, lambda tables: tables[0].update(rows=7))
    wrong = server.recover("--to-point", point)
    assert wrong.code == 4
    assert "different: public.customers has 500 rows instead of 7" in wrong.log
    assert server.recoveries_in_work() == []
    server.sql("insert into customers select n, 'new' from generate_series(1, 500) n")


def test_a_drill_compares_the_newest_point_looks_for_damage_and_leaves_nothing(server: Archiving) -> None:
    point, before = server.backup("incr")["point"], server.recoveries()
    done = server.recover("--to-point", "latest", "--verify")
    assert (done.code, done.json["point"], done.json["compared"]) == (0, point, True), done.log
    noted = server.verified(point)
    assert noted["rows"] == server.rows()
    assert noted["rto_seconds"] > 0 <= noted["rpo_seconds"]
    assert server.recoveries() == before


def test_a_look_recovers_nothing_and_says_what_there_is(server: Archiving, moment: str) -> None:
    before = server.recoveries()
    done = server.recover("--to-time", moment, "--check-only")
    assert done.code == 0, done.log
    told = done.json
    assert (told["action"], told["point"]) == ("checked", None)
    assert told["earliest"] < told["moment"] < told["latest"]
    assert told["needed_bytes"] > 30_000_000 < told["reserve_bytes"] < told["free_bytes"]
    assert told["wal_segments"] > 0 < told["wal_bytes"]
    assert server.recoveries() == before


def test_a_moment_after_the_last_transaction_can_be_recovered(server: Archiving) -> None:
    rows = server.sql("select count(*) from customers")
    done = server.recover("--to-time", server.now().isoformat())
    assert (done.code, str(done.json["rows"])) == (0, rows), done.log


def test_a_time_may_have_any_zone(server: Archiving, moment: str) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    elsewhere = datetime.fromisoformat(moment).astimezone(india).isoformat()
    assert elsewhere.endswith("+05:30")
    there, here = (server.recover("--to-time", time, "--check-only").json for time in (elsewhere, moment))
    assert there["moment"] == here["moment"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("yesterday", "'yesterday' is not a time; write it like '2026-11-28 14:55:00+01:00'"),
        ("2026-11-28 14:55:00", "the time '2026-11-28 14:55:00' has no time zone"),
        ("2001-01-01 00:00:00Z", "2001-01-01 00:00:00Z is before the first backup in the repository"),
        ("2999-01-01 00:00:00Z", "2999-01-01 00:00:00Z is in the future"),
    ],
)
def test_a_time_that_cannot_be_recovered_is_refused(server: Archiving, given: str, said: str) -> None:
    done = server.recover("--to-time", given)
    assert (done.code, done.out) == (2, "")
    assert said in done.log


def test_without_the_server_the_end_of_the_wal_can_be_recovered_and_a_later_time_is_refused(
    server: Archiving,
) -> None:
    server.sql("insert into customers select max(id) + 1, 'last' from customers")
    rows = server.sql("select count(*) from customers")
    server.switch()
    later = datetime.now(UTC)
    server.stop()
    try:
        refused = server.recover("--to-time", later.isoformat())
        assert refused.code == 2
        assert "is after the last WAL in the repository; it holds" in refused.log
        latest = server.recover("--to-time", "latest")
        assert (latest.code, str(latest.json["rows"])) == (0, rows), latest.log
    finally:
        server.start()
    assert server.go_live(latest.json["id"]).code == 0
    assert server.sql("select count(*) from customers") == rows
    server.backup("auto")


def test_a_running_database_is_not_swapped(server: Archiving, moment: str) -> None:
    done = server.recover("--to-time", moment)
    refused = server.recover("--go-live", done.json["id"])
    assert refused.code == 1
    assert "the database still runs" in refused.log


def test_of_two_recoveries_one_waits_for_nobody(server: Archiving, moment: str) -> None:
    first = server.begin("recover-pg.sh", "--to-time", moment)
    wait_for(lambda: server.runs_in_recovery("postgres"))
    limits = json.loads(docker("inspect", NAME, "--format", "{{json .HostConfig}}"))
    assert limits["Init"] is True
    assert 0 < limits["Memory"] <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    second = server.recover("--to-time", moment)
    assert "another run holds" in second.log
    _, log = first.communicate(timeout=120)
    assert first.returncode == 0, log


STAGES = {
    "restoring": lambda server: server.runs_in_recovery("pgbackrest"),
    "replaying": lambda server: server.runs_in_recovery("postgres"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_recovery_leaves_the_live_server_alone_and_is_started_again(
    server: Archiving, moment: str, stage: str
) -> None:
    rows = server.rows()
    run = server.begin("recover-pg.sh", "--to-time", moment)
    wait_for(lambda: STAGES[stage](server), 60)
    kill(run)
    assert server.rows() == rows
    again = server.recover("--to-time", moment)
    assert again.code == 0, again.log
    assert server.recoveries_in_work() == []
    assert server.go_live(again.json["id"]).code == 0
    assert server.rows() == rows - 1
    server.backup("auto")


def test_a_swap_that_was_killed_halfway_is_finished(server: Archiving, moment: str) -> None:
    rows = server.rows()
    done = server.recover("--to-time", moment)
    place = server.volume / "recovery" / done.json["id"]
    server.stop()
    kill_after_exchange(server, done.json["id"])
    assert (place / "stage").read_text() == "ready\n"
    again = server.recover("--go-live", done.json["id"])
    assert again.code == 0, again.log
    assert (place / "stage").read_text() == "live\n"
    server.start()
    assert server.rows() == rows - 1
    server.backup("auto")


def kill_after_exchange(server: Archiving, number: str) -> None:
    """Exchange the folders as the program does, and end there."""
    from quickdata_node.physical.places import Volume, exchange  # noqa: PLC0415

    place = Volume(server.volume, Path("18/docker")).place(number)
    exchange(place.data, place.live)


def test_a_lost_volume_is_recovered_from_the_repository(server: Archiving) -> None:
    rows = server.rows()
    server.switch()
    server.kill()
    subprocess.run(["rm", "-rf", str(server.volume / "18"), str(server.volume / "recovery")], check=True)
    server.start()  # a new and empty cluster, as on a new node
    done = server.recover("--to-time", "latest")
    assert done.code == 0, done.log
    assert "does not archive into this repository" in done.log
    assert server.go_live(done.json["id"]).code == 0
    assert server.rows() == rows
    server.backup("auto")
