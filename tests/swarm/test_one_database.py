"""One database comes back to a moment, and the others stay. Real pgBackRest, in plain containers."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from tests.support.archiving import (
    DATABASE,
    POSTGRES,
    ROLE,
    Archiving,
    archiving,
    kill,
    storage_for_containers,
)
from tests.support.backup_runs import Finished, wait_for
from tests.support.faults import mounted
from tests.support.live import NODES

pytestmark = [NODES, pytest.mark.timeout(600)]

RESERVE = 1 << 30
"""Bytes that a recovery leaves to the live database on a small volume."""
CREATED = """
create table customers (id int primary key, name text);
insert into customers select n, 'customer ' || n from generate_series(1, 500) n;
create unlogged table seen (n int);
"""
SHOP = """
create table orders (id int primary key, total numeric check (total > 0));
create index orders_total on orders (total);
create table lines (of int references orders, what text);
insert into orders select n, n from generate_series(1, 100) n;
insert into lines select n, 'tea' from generate_series(1, 100) n;
select lo_from_bytea(0, 'an object');
"""
BROKEN = """
set session_replication_role = replica;
create table parent (id int primary key);
create table child (p int references parent);
insert into child values (7);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archiving]:
    directory = tmp_path_factory.mktemp("one")
    with storage_for_containers(directory) as storage, archiving(directory / "node", storage) as server:
        server.sql(CREATED)
        server.sql("create role seller")
        for name, tables in (("shop", SHOP), ("broken", BROKEN)):
            server.sql(f"create database {name}")
            server.sql(tables, name)
        server.sql("alter database shop owner to seller")
        server.sql("alter database shop set work_mem = '9MB'")
        server.backup()
        yield server


@pytest.fixture
def moment(server: Archiving) -> str:
    time = server.now()
    server.sql("insert into customers select max(id) + 1, 'after' from customers")
    return time.isoformat()


def databases(server: Archiving) -> list[str]:
    """The databases that are neither of PostgreSQL nor kept."""
    query = "select datname from pg_database where not datistemplate and datname !~ '_before_'"
    return sorted(set(server.sql(query).split()) - {"postgres", "broken"})


def bring_back(server: Archiving, database: str, *moment: str) -> tuple[Finished, str | None]:
    """Bring a database back, as the verb does; return the first run, and the kept database."""
    done = server.recover(*moment, "--into", database)
    assert done.code == 0, done.log
    live = server.recover("--go-live", done.json["id"], "--into", database)
    assert live.code == 0, live.log
    return done, live.json["kept"]


def test_a_dropped_table_comes_back_and_what_was_written_since_is_kept(server: Archiving) -> None:
    before = server.now()
    server.sql("drop table customers")
    server.sql("create table later as select 1 as n")
    server.sql("insert into orders values (101, 1)", "shop")
    look = server.recover("--to-time", before.isoformat(), "--into", DATABASE, "--check-only")
    whole = server.recover("--to-time", before.isoformat(), "--check-only")
    assert look.json["into_bytes"] > 5_000_000, "the room that the scratch database needs"
    copied = 2 * look.json["into_bytes"]  # the rows, and the WAL that writes them
    assert look.json["needed_bytes"] == whole.json["needed_bytes"] + copied
    done, kept = bring_back(server, DATABASE, "--to-time", before.isoformat())
    assert (done.json["into"], done.json["rows"], done.json["compared"]) == (DATABASE, 500, False)
    assert server.sql("select count(*), max(id) from customers") == "500|500"
    assert server.sql("select count(*) from orders", "shop") == "101", "another database stays"
    assert kept
    assert server.sql("select n from later", kept) == "1"
    assert server.recoveries() == []
    take_one_table(server, kept)
    assert server.sql("select count(*), max(n) from customers, later") == "500|1"


def take_one_table(server: Archiving, kept: str) -> None:
    """Copy a table into the database of today, by the commands of the runbook's page."""
    psql = f"psql -XqU {ROLE} -v ON_ERROR_STOP=1 {kept}"
    server.shell(f"""pg_dump -U {ROLE} --table='"public"."customers"' {DATABASE} | {psql}""")
    server.sql(f"alter database {DATABASE} rename to of_that_moment", "postgres")
    server.sql(f"alter database {kept} rename to {DATABASE}", "postgres")
    server.sql("drop database of_that_moment", "postgres")


def test_a_proven_point_is_compared_before_a_database_of_it_comes_back(server: Archiving) -> None:
    point, rows = server.backup("incr")["point"], server.rows()
    server.sql("delete from customers")
    done, _ = bring_back(server, DATABASE, "--to-point", point)
    assert (done.json["compared"], done.json["point"], server.rows()) == (True, point, rows)
    assert databases(server) == [DATABASE, "shop"]


def test_a_dropped_database_comes_back_with_owner_and_settings(server: Archiving, moment: str) -> None:
    server.sql("drop database shop", "postgres")
    server.sql("drop role seller", "postgres")
    _, kept = bring_back(server, "shop", "--to-time", moment)
    assert kept is None
    assert server.sql("select count(*) from orders join lines on of = id", "shop") == "100"
    owner = "select pg_get_userbyid(datdba), current_setting('work_mem')"
    assert server.sql(f"{owner} from pg_database where datname = 'shop'", "shop") == "seller|9MB"


def test_a_database_that_did_not_exist_is_refused_with_those_that_did(server: Archiving, moment: str) -> None:
    refused = server.recover("--to-time", moment, "--into", "shopp")
    assert (refused.code, refused.out) == (2, "")
    last = refused.log.splitlines()[-1]
    assert "there was no database shopp at that moment; there were app, " in last
    assert "shop, template1; the live database was not touched" in last
    assert server.recoveries() == []


def test_rows_that_violate_a_key_are_not_brought_back(server: Archiving, moment: str) -> None:
    failed = server.recover("--to-time", moment, "--into", "broken")
    assert failed.code == 1
    assert "the rows are good, but these statements fail: ALTER TABLE ONLY public.child" in failed.log
    assert "broken_restore_" not in server.sql("select string_agg(datname, ' ') from pg_database")


def test_a_database_that_is_not_ready_does_not_go_live(server: Archiving) -> None:
    for database in (DATABASE, "shop"):
        refused = server.recover("--go-live", "0123abcd", "--into", database)
        assert refused.code == 2
        assert f"there is no recovery 0123abcd of {database} that is ready" in refused.log


def copies(server: Archiving) -> bool:
    return server.sql("select count(*) from pg_database where datname ~ '_restore_'", "postgres") == "1"


def restores(server: Archiving) -> bool:
    return server.runs_in_recovery("pgbackrest")


STAGES: list[Callable[[Archiving], bool]] = [restores, copies]


def test_killed_runs_leave_the_live_database_alone_and_the_next_one_cleans_up(
    server: Archiving, moment: str
) -> None:
    rows = server.rows()
    for reached in STAGES:
        run = server.begin("recover-pg.sh", "--to-time", moment, "--into", DATABASE)
        wait_for(partial(reached, server), 180)
        kill(run)
        assert server.rows() == rows
    bring_back(server, "shop", "--to-time", moment)
    assert server.rows() == rows
    assert databases(server) == [DATABASE, "shop"]
    assert server.recoveries() == []


def test_a_swap_is_of_the_compared_database_and_one_that_was_killed_is_finished(
    server: Archiving, moment: str
) -> None:
    rows = server.rows()
    done = server.recover("--to-time", moment, "--into", DATABASE)
    note = server.directory / "state/physical/into.json"
    text = note.read_text()
    go_live = ("--go-live", done.json["id"], "--into", DATABASE)
    note.write_text(text.replace('"number": ', '"number": 1'))
    other = server.recover(*go_live)
    assert (other.code, "is gone, or is another database now" in other.log) == (1, True)
    note.write_text(text)
    first = server.recover(*go_live)
    note.write_text(text)
    again = server.recover(*go_live)
    assert (again.code, again.json["kept"]) == (0, first.json["kept"])
    assert server.rows() == rows - 1
    lost = server.recover("--give-up", done.json["id"])
    assert (lost.json["action"], lost.json["kept"]) == ("live", first.json["kept"]), (
        "only the answer was lost"
    )


def test_a_second_try_drops_no_database_and_names_those_that_are_kept(server: Archiving, moment: str) -> None:
    server.sql("create table of_today as select 1 as n", "shop")
    _, first = bring_back(server, "shop", "--to-time", moment)
    look = server.recover("--to-time", moment, "--into", "shop", "--check-only")
    assert first in [each["database"] for each in look.json["older"]]
    done, _ = bring_back(server, "shop", "--to-time", moment)
    assert all(each["bytes"] > 5_000_000 for each in done.json["older"])
    assert server.sql("select n from of_today", str(first)) == "1"


def test_a_copy_that_is_ready_is_given_up_by_its_id_alone(server: Archiving, moment: str) -> None:
    number = server.recover("--to-time", moment, "--into", "shop").json["id"]
    assert server.run("physical-backup.sh").code == 1, "it is reserved"
    assert server.recover("--give-up", number).json["action"] == "given up"
    assert "_restore_" not in server.sql("select string_agg(datname, ' ') from pg_database")
    server.backup("incr")


def test_a_database_that_was_dropped_does_not_fill_the_volume(
    server: Archiving, moment: str, tmp_path: Path
) -> None:
    """Only the recovered server knows its size: its room is looked at once more, before it is copied."""
    server.sql("drop database shop", "postgres")
    with mounted(tmp_path, f"size={RESERVE + (1 << 29)},uid={POSTGRES}"):
        server.configure(PG_DATA=str(tmp_path))
        run = server.begin("recover-pg.sh", "--to-time", moment, "--into", "shop")
        wait_for(lambda: server.runs_in_recovery("postgres"), 120)
        subprocess.run(["fallocate", "-l", str(1 << 29), str(tmp_path / "live")], check=True)
        _, log = run.communicate(timeout=180)
    server.configure()
    assert run.returncode == 1
    assert f"beside the live database, and {RESERVE} must stay free for its growth" in log.splitlines()[-1]
    assert "_restore_" not in server.sql("select string_agg(datname, ' ') from pg_database", "postgres")
    bring_back(server, "shop", "--to-time", moment)


def test_the_time_of_a_moment_is_checked_with_a_database_too(server: Archiving) -> None:
    late = datetime(2999, 1, 1).astimezone().isoformat()
    assert "is in the future" in server.recover("--to-time", late, "--into", DATABASE).log
    both = server.recover("--to-point", "latest", "--verify", "--into", DATABASE)
    assert (both.code, "--into and --verify cannot be used together" in both.log) == (2, True)
