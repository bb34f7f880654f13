"""Physical backups of a server in its container: the archive, proof points, alarms. Needs Docker."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from pipeline.servers.localstack import LocalStack, localstack
from quickdata_node.physical.container import KEYS, STANZA, USER
from quickdata_node.physical.points import read_point
from quickdata_node.physical.summary import read_summary
from tests.support.archiving import DATABASE, Archiving, archiving, docker, gateway
from tests.support.backup_runs import wait_for
from tests.support.live import NODES

pytestmark = [NODES, pytest.mark.timeout(600)]

CREATED = """create table t (n int, s text);
insert into t select n, md5(n::text) from generate_series(1, 1000) n;
create unlogged table u (n int); insert into u values (1); select lo_from_bytea(0, 'an object')"""


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """An emulator that containers reach."""
    opened = localstack(tmp_path_factory.mktemp("storage") / "localstack", listen=gateway())
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened) as found:
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
    assert server.run("physical-backup.sh", "--if-none").json == {"label": None}
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
    with archiving(tmp_path / "node", storage, bucket=server.copy_of_bucket()) as other:
        other.sql(CREATED)
        for asked in ((), ("--if-none",)):  # the second is what a deployment asks
            refused = other.run("physical-backup.sh", *asked)
            assert refused.code == 1
            assert "the repository belongs to another cluster" in refused.log.splitlines()[-1]
        docker("exec", f"--user={USER}", other.name, "pgbackrest", f"--stanza={STANZA}", "stanza-upgrade")
        assert other.backup("auto")["type"] == "full"


def test_archiving_that_fails_is_an_alarm_and_loses_nothing(server: Archiving) -> None:
    keys = server.keys / KEYS
    keys.write_text(json.dumps({"Version": 1, "Expiration": "2036-01-01T00:00:00Z"}))
    server.sql("insert into t values (7, 'not lost'); select pg_switch_wal()")
    wait_for(lambda: server.sql("select failed_count > 0 from pg_stat_archiver") == "t")
    server.age_waiting_wal("5 minutes ago")
    alarm = server.run("check-backup-age.sh")
    assert alarm.code == 1
    assert "archiving lags: " in alarm.log.splitlines()[-1]
    keys.unlink()
    assert "so no WAL is archived; run refresh-recovery-keys.sh" in server.run("check-backup-age.sh").log
    assert server.run("refresh-recovery-keys.sh").code == 0
    server.switch()
    assert server.run("check-backup-age.sh").code == 0
    assert "untracked child process" not in server.log()  # PostgreSQL takes it for a crash of its own


def test_a_container_that_is_killed_while_it_archives_loses_nothing(server: Archiving) -> None:
    server.sql("select pg_switch_wal() from generate_series(1, 3)")
    server.kill()
    server.start()
    server.switch()
    assert server.sql("select count(*) from pg_ls_archive_statusdir() where name like '%.ready'") == "0"


def test_a_database_that_does_not_archive_is_an_alarm(server: Archiving) -> None:
    server.kill()
    server.start(archives=False)
    try:
        assert "the database does not archive its WAL; deploy" in server.run("check-backup-age.sh").log
    finally:
        server.kill()
        server.start()


def test_physical_backups_that_are_off_are_not_taken(server: Archiving) -> None:
    mark = server.directory / "pitr"
    mark.unlink()
    try:
        refused = server.run("physical-backup.sh")
        assert (refused.code, refused.out) == (2, "")
        assert "physical backups are off on this node; set quickdata_pitr: true" in refused.log
        assert server.run("physical-backup.sh", "--if-none").json == {"label": None}
        assert server.run("refresh-recovery-keys.sh").code == 2
    finally:
        mark.touch()
