"""The database's volume is lost, or an older copy: what the runbook says brings all back. Needs Docker."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.archiving import archiving, storage_for_containers
from tests.support.backup_runs import wait_for
from tests.support.live import NODES

pytestmark = [NODES, pytest.mark.timeout(600)]


def test_attachments_come_from_the_logical_backup_and_then_the_rows_from_the_wal(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "receipt").write_text("an attachment")
    with storage_for_containers(tmp_path) as storage:
        with archiving(tmp_path / "lost", storage) as lost:
            lost.configure(ATTACHMENTS_DIR=str(uploads))
            lost.sql("create table t as select n from generate_series(1, 100) n")
            lost.backup()
            assert lost.run("backup-pg.sh").code == 0
            lost.sql("insert into t values (101)")
            lost.switch()
        (uploads / "receipt").unlink()
        with archiving(tmp_path / "new", storage, bucket=lost.bucket) as new:
            new.configure(ATTACHMENTS_DIR=str(uploads))
            refused = new.run("physical-backup.sh", "--if-none")
            assert "the repository belongs to another cluster" in refused.log.splitlines()[-1]
            restored = new.run("restore-pg-latest.sh")
            assert restored.code == 0, restored.log
            assert (uploads / "receipt").read_text() == "an attachment"
            back = new.recover("--to-time", "latest")
            assert back.code == 0, back.log
            assert new.go_live(back.json["id"]).code == 0
            assert new.sql("select count(*) from t") == "101"
            assert new.backup("auto")["rows"] == 101, "it fits the repository again"
            assert (uploads / "receipt").exists()


def test_a_volume_from_a_snapshot_archives_nothing_until_a_recovery_brings_the_newer_rows_back(
    tmp_path: Path,
) -> None:
    with (
        storage_for_containers(tmp_path) as storage,
        archiving(tmp_path / "node", storage) as server,
    ):
        server.sql("create table t as select n from generate_series(1, 100) n")
        server.backup()
        live, snapshot = server.volume / "18", tmp_path / "snapshot"
        server.stop()
        subprocess.run(["cp", "--archive", live, snapshot], check=True)
        server.start()
        server.sql("insert into t values (101)")
        moment = server.now() + timedelta(seconds=1)
        wait_for(lambda: server.now() > moment)
        for _ in range(12):  # segments whose names the copy will use again
            server.sql("insert into t values (102); select pg_switch_wal()")
        server.switch()
        server.stop()
        live.rename(tmp_path / "gone")
        subprocess.run(["cp", "--archive", snapshot, live], check=True)
        server.start()
        server.sql("insert into t values (-1)")
        server.sql("select pg_switch_wal()")
        wait_for(lambda: server.sql("select failed_count > 0 from pg_stat_archiver") == "t")
        server.age_waiting_wal("5 minutes ago")
        assert "archiving lags: " in server.run("check-backup-age.sh").log
        before = server.labels()
        for asked in ("--if-none",), ("--type", "full"):  # the first is what a deployment asks
            refused = server.run("physical-backup.sh", *asked)
            assert refused.code == 1
            assert "has not noted its own as archived" in refused.log and "`Archiving fails`" in refused.log
        assert server.labels() == before, "no backup of the copy pushes out a good one"
        back = server.recover("--to-time", f"{moment:%Y-%m-%d %H:%M:%S.%f+00:00}")
        assert back.code == 0, back.log
        assert server.go_live(back.json["id"]).code == 0
        assert server.sql("select max(n), min(n) from t") == "101|1"
        server.backup("auto")
