"""Damaged WAL and backups, other timelines and clusters, no room: what must not go live. Needs Docker."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from pipeline.backups.health import physical_problems
from pipeline.backups.physical import table
from quickdata_node.physical.container import STANZA, USER
from quickdata_node.physical.moment import shown
from quickdata_node.physical.summary import Summary, read_summary
from quickdata_node.physical.throwaway import NAME
from tests.support.archiving import DATABASE, POSTGRES, Archiving, archiving, docker, kill
from tests.support.backup_runs import wait_for
from tests.support.faults import mounted
from tests.support.live import NODES

pytestmark = [NODES, pytest.mark.timeout(600)]
SHARE = 1 << 30
"""Bytes that a recovery leaves to the live database on a small volume."""


@pytest.fixture(autouse=True)
def live_rows_stay(server: Archiving) -> Iterator[None]:
    """After each test, the live database has the rows that it had, and nothing is left of a recovery."""
    yield
    server.configure()
    assert server.rows() >= 500
    server.give_up()
    assert server.recoveries_in_work() == []


@pytest.fixture
def wal(server: Archiving) -> list[str]:
    """Three more WAL segments, with a row in each."""
    for _ in range(3):
        server.sql("insert into customers select max(id) + 1, 'new' from customers")
        server.switch()
    return server.segments()[-3:]


def summary(server: Archiving) -> Summary:
    return read_summary(server.read("physical.json"), DATABASE)


def name(key: str) -> str:
    return key.rpartition("/")[2].partition("-")[0]


# --- the WAL ---


def test_a_missing_segment_is_told_before_anything_is_restored(server: Archiving, wal: list[str]) -> None:
    with server.replaced(wal[0], None):
        for moment in ("latest", server.now().isoformat()):
            done = server.recover("--to-time", moment)
            assert (done.code, server.recoveries()) == (1, [])
            assert f"the repository lacks the WAL segment {name(wal[0])}, which leads to" in done.log
            assert "the moments until about 20" in done.log.splitlines()[-1]
            assert "restoring backup" not in done.log


def test_a_gap_is_told_by_an_alarm_and_a_list_and_no_recovery_goes_into_it(
    server: Archiving, wal: list[str]
) -> None:
    inside = server.now()
    server.switch()
    with server.replaced(wal[1], None):
        taken = server.backup("incr")
        [gap] = summary(server).gaps
        assert gap.until and gap.since < inside < gap.until
        span = f"from about {gap.since:%Y-%m-%d %H:%M:%S} UTC to {gap.until:%Y-%m-%d %H:%M:%S} UTC"
        assert f"  not {span}: WAL is missing" in [*table(summary(server), gap.until)]
        [problem] = [
            each for each in physical_problems(summary(server), gap.until) if each.title == "WAL is missing"
        ]
        alarm = f"no recovery reaches the moments {span}"
        assert alarm in problem.what and alarm in server.run("check-backup-age.sh").log
        refused = server.recover("--to-time", inside.isoformat())
        assert (refused.code, refused.out, server.recoveries_in_work()) == (1, "", [])
        assert (
            f"lacks the WAL segment {name(wal[1])}" in refused.log and "restoring backup" not in refused.log
        )
        assert f"and those since {shown(gap.until)} can be recovered; choose from them" in refused.log
        behind = server.recover("--to-time", server.now().isoformat(), "--check-only")
        assert (behind.code, behind.json["backup"]) == (0, taken["label"]), behind.log
    server.backup("incr")
    assert list(summary(server).gaps) == [], "the segment is back"
    assert "no recovery reaches" not in server.run("check-backup-age.sh").log


def test_a_damaged_segment_ends_a_recovery_that_would_go_live_too_early(
    server: Archiving, wal: list[str]
) -> None:
    with server.replaced(wal[1], lambda _: b"damaged"):  # a transaction of wal[0] is replayed, and named
        early = server.recover("--to-time", "latest")
        assert (early.code, early.out) == (1, "")
        said = early.log.splitlines()[-1]
        assert "the recovery ended before the newest WAL segment, 00000001" in said
        assert "recover to a time before 20" in said
        time = server.recover("--to-time", server.now().isoformat())
        assert (time.code, time.out) == (1, "")
        said = time.log.splitlines()[-1]
        assert "the recovery ended before that moment; the last transaction in its WAL was at 20" in said
    good = server.recover("--to-time", "latest")
    assert (good.code, good.json["rows"]) == (0, server.rows()), good.log


def test_a_damaged_end_of_the_newest_segment_is_noticed(server: Archiving, wal: list[str]) -> None:
    server.stop()  # else the recovery lets it archive one more
    try:
        newest = server.segments()[-1]
        with server.replaced(newest, damage_its_last_record):
            done = server.recover("--to-time", "latest")
            assert (done.code, done.out) == (1, "")
            assert f"the newest WAL segment, {name(newest)}, is damaged in the bucket" in done.log
    finally:
        server.start()


def damage_its_last_record(stored: bytes) -> bytes:
    content = bytearray(zstandard.ZstdDecompressor().decompressobj().decompress(stored))
    last = len(content.rstrip(b"\0")) - 1
    content[last] ^= 1
    return zstandard.compress(bytes(content))


# --- the backups ---


def test_a_damaged_backup_fails_pushes_out_no_good_one_and_is_never_chosen(server: Archiving) -> None:
    server.sql("create table broken as select n, repeat('x', 500) from generate_series(1, 2000) n")
    good = server.backup()["label"]
    fulls = [each.label for each in summary(server).backups if each.kind == "full"]
    break_a_page(server, "broken")
    done = server.run("physical-backup.sh", "--type", "full")
    assert (done.code, done.out) == (4, "")
    assert "holds damaged pages, and no recovery will take it" in done.log.splitlines()[-1]
    known = summary(server)
    assert [each.label for each in known.backups if each.kind == "full"][:-1] == fulls
    assert known.backups[-1].damaged
    assert known.newest and known.newest.label == good
    assert server.recover("--to-time", "latest", "--check-only").json["backup"] == good
    server.sql("drop table broken")
    server.backup()
    assert good in [each.label for each in summary(server).backups], "the damaged one does not count"


def break_a_page(server: Archiving, table: str) -> None:
    server.sql("checkpoint")
    file = server.volume / "18/docker" / server.sql(f"select pg_relation_filepath('{table}')")
    with file.open("r+b") as opened:
        opened.seek(5 * 8192 + 4000)
        opened.write(b"damaged")


def test_a_backup_without_a_proof_point_is_listed_and_the_run_fails(server: Archiving) -> None:
    server.configure(DATABASE="gone")
    done = server.run("physical-backup.sh", "--type", "incr")
    assert done.code == 1
    assert "no proof point of gone could be made; the backup stands" in done.log.splitlines()[-1]
    text = server.s3.get_object(Bucket=server.bucket, Key="postgres/gone/physical.json")["Body"].read()
    known = read_summary(text, "gone")
    assert known.newest and known.newest.kind == "incr"
    assert known.point is None


def test_a_backup_that_is_interrupted_ends_in_the_container_too(server: Archiving) -> None:
    run = server.begin("physical-backup.sh", "--type", "full")
    wait_for(server.backup_runs)
    run.terminate()
    _, log = run.communicate(timeout=60)
    assert run.returncode == 143
    assert "stopping pgBackRest's backup, which an interrupted run has left" in log
    assert not server.backup_runs()
    assert server.backup("incr")["type"] == "incr"


def test_a_backup_that_is_killed_is_started_again(server: Archiving) -> None:
    run = server.begin("physical-backup.sh", "--type", "full")
    wait_for(server.backup_runs)
    kill(run)
    assert server.backup("incr")["type"] == "incr"


def test_of_two_backups_one_is_refused(server: Archiving) -> None:
    run = server.begin("physical-backup.sh", "--type", "incr")
    wait_for(server.backup_runs)
    refused = server.run("physical-backup.sh")
    assert (refused.code, refused.out) == (1, "")
    assert "another run holds" in refused.log
    out, log = run.communicate(timeout=120)
    assert run.returncode == 0 and out, log


def test_another_clusters_backups_and_points_prove_nothing_after_an_upgrade_of_the_stanza(
    server: Archiving, tmp_path: Path
) -> None:
    foreign = server.backup("incr")["point"]
    with archiving(tmp_path / "node", server.storage, bucket=server.copy_of_bucket()) as other:
        other.sql("create table orders as select 1 as n")
        assert other.run("refresh-recovery-keys.sh").code == 0
        docker("exec", f"--user={USER}", other.name, "pgbackrest", f"--stanza={STANZA}", "stanza-upgrade")
        none = other.recover("--to-time", "latest", "--check-only")
        assert "the repository holds no physical backup" in none.log
        first = other.run("physical-backup.sh", "--if-none").json
        assert first["type"] == "full", "the other cluster's backups are not ours"
        assert [each.label for each in summary(other).backups] == [first["label"]]
        refused = other.recover("--to-point", foreign)
        assert (refused.code, refused.out) == (2, "")
        assert "belongs to another cluster than the repository" in refused.log
        assert other.read(f"points/{foreign}.json"), "its backups are still there, and so are its points"
        other.forget_point(first["point"])
        nothing = other.recover("--to-point", "latest", "--verify")
        assert (nothing.code, nothing.out) == (4, "")
        assert "holds no proven point of app on timeline 1 of its cluster" in nothing.log


# --- the timelines ---


def test_the_timeline_is_that_of_the_files_that_live_also_after_they_were_moved_back(
    server: Archiving,
) -> None:
    older = server.backup("incr")["point"]
    moment = server.now().isoformat()
    server.sql("insert into customers select max(id) + 1, 'undone' from customers")
    undone = server.backup("incr")["point"]
    back = server.recover("--to-time", moment)
    assert server.go_live(back.json["id"]).code == 0
    drilled = server.recover("--to-point", "latest", "--verify")
    assert (drilled.code, drilled.json["point"]) == (0, older), "the newest point is not in the live past"
    server.move_back(back.json["id"])
    server.sql("insert into customers select max(id) + 1, 'after the move' from customers")
    again = server.recover("--to-time", server.now().isoformat())
    assert (again.code, again.json["timeline"], again.json["rows"]) == (0, 1, server.rows()), again.log
    server.give_up()
    drilled = server.recover("--to-point", "latest", "--verify")
    assert (drilled.code, drilled.json["point"]) == (0, undone), drilled.log
    server.backup("auto")
    assert list(summary(server).gaps) == [], "a change of the timeline is none"


# --- one at a time ---


def test_nothing_else_runs_between_a_recovery_and_its_swap(server: Archiving) -> None:
    done = server.recover("--to-time", server.now().isoformat())
    number = done.json["id"]
    for command, *options in (
        ("recover-pg.sh", "--to-point", "latest", "--verify"),
        ("recover-pg.sh", "--to-time", "latest"),
        ("physical-backup.sh",),
        ("backup-pg.sh",),
    ):
        refused = server.run(command, *options)
        assert refused.code == 1
        assert (
            f"for the swap of recovery {number}; wait until then, or run recover-pg.sh --config"
            in refused.log
        )
    assert number in [each.name for each in server.recoveries()]
    assert server.go_live(number).code == 0
    said = server.recover("--give-up", number).json
    assert (said["action"], server.rows() >= 500) == ("live", True), "what is live is not given up"
    server.backup("auto")


def test_a_recovery_that_is_given_up_is_removed_and_the_next_one_may_begin(server: Archiving) -> None:
    before = server.recoveries()
    number = server.recover("--to-time", server.now().isoformat()).json["id"]
    assert server.recover("--give-up", "0123abcd").code == 1
    assert server.recover("--give-up", number).code == 0
    assert server.recoveries() == before
    server.backup("auto")


# --- the room ---


def test_a_recovery_without_room_beside_the_reserve_is_refused_with_the_figures(
    server: Archiving, tmp_path: Path
) -> None:
    with mounted(tmp_path, f"size={SHARE}"):
        server.configure(PG_DATA=str(tmp_path))
        done = server.recover("--to-time", "latest")
        assert (done.code, done.out) == (1, "")
        assert f"beside the live database, and {SHARE} must stay free for its growth; " in done.log
        assert not (tmp_path / "recovery").exists()


def test_a_recovery_stops_when_the_live_database_needs_the_room(server: Archiving, tmp_path: Path) -> None:
    with mounted(tmp_path, f"size={SHARE + (1 << 29)},uid={POSTGRES}"):
        server.configure(PG_DATA=str(tmp_path))
        run = server.begin("recover-pg.sh", "--to-time", "latest")
        wait_for(lambda: server.runs_in_recovery("pgbackrest") and list(tmp_path.glob("recovery/*/stage")))
        subprocess.run(["fallocate", "-l", str(SHARE), str(tmp_path / "live")], check=True)
        _, log = run.communicate(timeout=120)
        assert run.returncode == 1
        assert "the recovery stops, so that the live database has room" in log.splitlines()[-1]
        assert list((tmp_path / "recovery").iterdir()) == []
        assert docker("ps", "--all", "--quiet", "--filter", f"name={NAME}") == ""
