"""Physical backups of a server in its container: the archive, proof points, alarms. Needs Docker."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.servers.localstack import LocalStack
from pipeline.servers.process import LOOPBACK, free_port
from quickdata_node.physical.container import KEYS
from quickdata_node.physical.points import read_point
from quickdata_node.physical.summary import read_summary
from tests.support.archiving import DATABASE, RECOVERY, Archiving, archiving, docker, storage_for_containers
from tests.support.backup_runs import wait_for
from tests.support.live import NODES

pytestmark = [NODES, pytest.mark.timeout(600)]

CREATED = """create table t (n int, s text);
insert into t select n, md5(n::text) from generate_series(1, 1000) n;
create unlogged table u (n int); insert into u values (1); select lo_from_bytea(0, 'an object')"""
WAITING = "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'"


def well(server: Archiving) -> None:
    done = server.run("check-backup-age.sh")
    assert (done.code, done.log) == (0, "")
    assert status_of(server)["problems"] == []


def status_of(server: Archiving) -> dict[str, Any]:
    """Return what `quickdata status` is told of archiving: nobody is alarmed."""
    told = server.directory / "told"
    server.configure(ON_FAILURE=f"touch {told}")
    done = server.run("check-backup-age.sh", "--archiving")
    server.configure()
    assert done.code == 0, done.log
    assert not told.exists()
    return dict(done.json)


def alarm(server: Archiving, command: str = "check-backup-age.sh", **changes: str) -> str:
    """Return what the operator's command gets: one line."""
    hook, told = server.directory / "hook", server.directory / "told"
    hook.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" > {told}\n')
    hook.chmod(0o755)
    server.configure(ON_FAILURE=str(hook), **changes)
    done = server.run(command)
    server.configure()
    assert done.code == 1, done.log
    said = told.read_text()
    told.unlink()
    assert said.count("\n") == 1
    return said


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with storage_for_containers(tmp_path_factory.mktemp("storage")) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, storage: LocalStack) -> Iterator[Archiving]:
    """A server with a full physical backup and a logical one."""
    with archiving(tmp_path_factory.mktemp("server") / "node", storage) as found:
        found.sql(CREATED)
        assert found.backup()["type"] == "full"
        assert found.run("backup-pg.sh").code == 0
        yield found


def test_each_backup_is_proven_and_listed_out_of_the_containers_reach(server: Archiving) -> None:
    said = server.backup("auto")
    assert (said["type"], said["tables"], said["rows"]) == ("incr", 1, 1000)
    point = read_point(server.read(f"points/{said['point']}.json"), DATABASE, said["point"])
    assert [(table.name, table.rows) for table in point.tables] == [("t", 1000), ("pg_largeobject", 1)]
    assert point.lsn == said["lsn"]
    known = read_summary(server.read("physical.json"), DATABASE)
    assert (known.newest and known.newest.label, known.point) == (said["label"], said["point"])
    assert server.run("physical-backup.sh", "--if-none").json == {"label": None, "heard": False}
    assert server.run("check-backup-age.sh").code == 0


def test_a_point_waits_for_a_transaction_and_writers_do_not_wait_for_the_point(server: Archiving) -> None:
    with server.session() as holder:
        holder("begin; insert into t values (0, 'late'); select 'held';")
        run = server.begin("physical-backup.sh", "--type", "incr")
        assert run.stderr
        said = iter(run.stderr.readline, "")
        assert any("no proof point at try 1 of 10" in line for line in said)
        assert (
            server.sql("set lock_timeout = '3500ms'; insert into t values (-1, 'meanwhile'); select 1") == "1"
        )
        holder("commit; select 'done';")
    out, _ = run.communicate(timeout=120)
    assert json.loads(out)["rows"] == 1002


def test_a_repository_of_another_cluster_is_refused_until_the_operator_takes_it_over(
    server: Archiving, storage: LocalStack, tmp_path: Path
) -> None:
    server.backup("full")  # pgBackRest counts the full backups of both clusters, and keeps two
    with archiving(tmp_path / "node", storage, bucket=server.copy_of_bucket()) as other:
        other.sql(CREATED)
        for asked in ((), ("--if-none",)):  # the second is what a deployment asks
            refused = other.run("physical-backup.sh", *asked)
            assert refused.code == 1
            assert "the repository belongs to another cluster" in refused.log.splitlines()[-1]
        before = other.labels()
        taken = other.run("physical-backup.sh", "--take-over")
        assert (taken.code, taken.json["type"]) == (0, "full"), taken.log
        assert before < other.labels(), "the lost cluster's backups stay"
        assert all(label in taken.log for label in before)
        assert other.run("physical-backup.sh", "--if-none").json["label"] is None


def test_archiving_that_fails_is_an_alarm_and_loses_nothing(server: Archiving) -> None:
    keys = server.keys / KEYS
    keys.write_text(json.dumps({"Version": 1, "Expiration": "2036-01-01T00:00:00Z"}))
    server.sql("insert into t values (7, 'not lost'); select pg_switch_wal()")
    wait_for(lambda: server.sql("select failed_count > 0 from pg_stat_archiver") == "t")
    server.age_waiting_wal("5 minutes ago")
    assert "archiving lags: " in alarm(server)
    told = status_of(server)
    assert told["waiting"] >= 1 and told["lag_seconds"] >= 300
    assert ["archiving lags: " in each["what"] for each in told["problems"]] == [True]
    keys.unlink()
    said = alarm(server, MAX_AGE_HOURS="1", DATABASE="other")
    for each in (
        "so no WAL is archived; run refresh-recovery-keys.sh",
        "archiving lags: ",
        "holds no backup of other",
        "no readable summary of physical backups of other",
    ):
        assert each in said, "no alarm hides another one"
    of_keys, of_lag = [each["what"] for each in status_of(server)["problems"]]
    assert "the keys in " in of_keys and "archiving lags: " in of_lag
    assert server.run("refresh-recovery-keys.sh").code == 0
    server.switch()
    well(server)
    assert "untracked child process" not in server.log()  # PostgreSQL takes it for a crash of its own


def test_while_s3_is_away_the_server_goes_on_an_alarm_comes_and_nothing_is_lost(server: Archiving) -> None:
    docker("network", "disconnect", "bridge", server.name)
    try:
        server.sql("insert into t select n, 'away' from generate_series(1, 100) n; select pg_switch_wal()")
        server.sql("insert into t values (8, 'later'); select pg_switch_wal()")
        wait_for(lambda: int(server.sql(WAITING)) >= 2)
        server.age_waiting_wal("5 minutes ago")
        assert "archiving lags: " in alarm(server)
    finally:
        docker("network", "connect", "bridge", server.name)
    server.switch()
    wait_for(lambda: server.sql(WAITING) == "0")
    well(server)
    back = server.recover("--to-time", "latest")
    assert (back.code, back.json["rows"]) == (0, int(server.sql("select count(*) from t"))), back.log
    server.give_up()


def test_keys_that_nobody_renews_are_an_alarm_before_they_expire_and_after(server: Archiving) -> None:
    keys = server.keys / KEYS
    assert server.run("refresh-recovery-keys.sh").code == 0
    known = json.loads(keys.read_text())
    for minutes, said in ((34, "were not renewed, and expire at"), (-1, "expired at")):
        until = datetime.now(UTC) + timedelta(minutes=minutes)
        keys.write_text(json.dumps({**known, "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"}))
        assert said in alarm(server)
    assert server.run("refresh-recovery-keys.sh").code == 0
    well(server)


def test_keys_that_cannot_be_renewed_are_an_alarm(server: Archiving) -> None:
    said = alarm(server, "refresh-recovery-keys.sh", AWS_ENDPOINT_URL=f"http://{LOOPBACK}:{free_port()}")
    assert f"the role {RECOVERY} cannot be taken; check the network" in said


def test_a_container_that_is_killed_while_it_archives_loses_nothing(server: Archiving) -> None:
    server.sql("select pg_switch_wal() from generate_series(1, 3)")
    server.kill()
    server.start()
    server.switch()
    wait_for(lambda: server.sql(WAITING) == "0")


def test_a_database_that_does_not_archive_is_an_alarm_and_its_drill_fails(server: Archiving) -> None:
    server.kill()
    server.start(archives=False)
    try:
        assert "the database does not archive its WAL; deploy" in server.run("check-backup-age.sh").log
        drilled = server.recover("--to-point", "latest", "--verify")
        assert (drilled.code, drilled.out) == (4, ""), drilled.log
        assert "the recovery is good, but the live database does not archive" in drilled.log
        assert status_of(server)["archives"] is False
        docker("stop", server.name)
        down = status_of(server)
        assert down["archives"] is None and "the state of archiving is unknown" in down["problems"][0]["what"]
    finally:
        server.kill()
        server.start()


def test_physical_backups_that_are_off_are_not_taken_and_no_alarm_comes(server: Archiving) -> None:
    """Off, on, off and on again: what a deployment runs at its end."""
    mark = server.directory / "pitr"
    for _ in range(2):
        server.stop()
        mark.unlink()
        server.start(archives=False)
        refused = server.run("physical-backup.sh")
        assert (refused.code, refused.out) == (2, "")
        assert "physical backups are off on this node; set quickdata_pitr: true" in refused.log
        assert server.run("physical-backup.sh", "--if-none").json == {"label": None}
        known = read_summary(server.read("physical.json"), DATABASE)
        assert known.off_since and known.backups, "the repository is kept"
        assert server.run("physical-backup.sh", "--if-none").json == {"label": None}
        assert read_summary(server.read("physical.json"), DATABASE) == known, "it is noted once"
        assert server.run("refresh-recovery-keys.sh").code == 2
        well(server)
        assert (status_of(server)["on"], status_of(server)["problems"]) == (False, [])
        server.sql("insert into t values (9, 'in no WAL of the repository')")
        server.stop()
        mark.touch()
        server.start()
        again = server.run("physical-backup.sh", "--if-none")
        assert again.json["label"], "WAL is missing, so a backup is due"
        assert again.json["rows"] == int(server.sql("select count(*) from t"))
        assert not read_summary(server.read("physical.json"), DATABASE).off_since
        well(server)
