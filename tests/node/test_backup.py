"""backup-pg.sh: what it publishes, and that it publishes nothing but a complete backup."""

import gzip
import hashlib
import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from subprocess import CalledProcessError

import pytest
import zstandard

from tests.support.backup_node import SAMPLE, Node
from tests.support.backup_runs import finish, name_of, wait_for
from tests.support.fault_proxy import FaultProxy


def test_a_backup_is_a_manifest_and_the_objects_it_describes(node: Node) -> None:
    node.create()
    done = node.backup()
    manifest = node.manifest()
    said = done.json
    assert (done.code, said["id"], said["tables"], said["rows"]) == (0, manifest["id"], 2, 1000)
    assert re.fullmatch(rf"postgres/{node.database}/\d{{8}}T\d{{6}}Z-{said['id']}", said["prefix"])
    assert (manifest["format"], manifest["database"]) == (2, node.database)
    assert manifest["totals"] == {"tables": 2, "rows": 1000, "bytes": said["bytes"]}
    assert [(t["name"], t["kind"], t["rows"]) for t in manifest["tables"]] == [
        ("customers", "table", 500),
        ("notes", "table", 500),
        ("pg_largeobject", "large objects", 0),
    ]
    assert sorted(manifest["objects"]) == ["dump", "globals"]
    for described in manifest["objects"].values():
        content = node.read(described["key"])
        assert described["key"].startswith(said["prefix"] + "/")
        assert described["codec"] == "zstd"
        assert described["size"] == len(content)
        assert described["sha256"] == hashlib.sha256(content).hexdigest()
    assert node.leaves_nothing()


def test_rows_written_during_the_dump_do_not_make_it_differ(node: Node) -> None:
    node.create()
    insert = "insert into public.customers select n, 'late' from generate_series(1001, 1100) n"
    node.replace(
        "pg_dump", f'[[ $1 == --version ]] || psql -qd "$PGDATABASE" -c "{insert}"; exec "$REAL" "$@"'
    )
    assert node.backup().json["rows"] == 1000
    assert node.sql("select count(*) from customers") == "600"
    assert node.restore("--verify").code == 0


def test_a_table_cannot_be_emptied_between_its_dump_and_its_counting(node: Node) -> None:
    node.create(f"create table visits as select 1; {SAMPLE}")  # locked first, counted last
    dumped = node.directory / "dumped"  # pg_dump has ended, and lets go
    node.replace("pg_dump", f'"$REAL" "$@" --exclude-table=public.notes && touch {dumped}')
    with node.locked("notes"):
        running = node.start("backup-pg.sh")
        wait_for(lambda: node.waits_for_a_lock() and dumped.exists())
        with pytest.raises(CalledProcessError):
            node.sql("set lock_timeout = '50ms'; truncate visits")
    assert finish(running).json["rows"] == 1001


def test_a_pg_dump_killed_halfway_publishes_nothing(node: Node) -> None:
    node.create()
    node.replace("pg_dump", '"$REAL" "$@" | head -c 100000; kill -KILL $$')
    done = node.backup()
    assert (done.code, done.out, node.objects()) == (1, "", [])
    assert "the dump ended badly" in node.alert()
    assert node.leaves_nothing()


def test_the_upload_of_a_dump_that_died_is_never_completed(node: Node, proxy: FaultProxy) -> None:
    node.create()
    node.replace("pg_dump", "head -c 40000000 /dev/urandom; kill -KILL $$")
    node.configure(AWS_ENDPOINT_URL=proxy.url)
    with proxy.making("seen", "dump") as asked:
        with node.locked():  # while the rows are still counted
            running = node.start("backup-pg.sh")
            wait_for(lambda: len([request for request in asked.met if "partNumber" in request]) >= 2)
            assert node.backup().code == 1, "the first one goes on"
        assert finish(running).code == 1
    assert [request.split()[0] for request in asked.met if "partNumber" not in request] == ["POST", "DELETE"]
    assert "Uploads" not in node.s3.list_multipart_uploads(Bucket=node.bucket)
    assert node.objects() == []


def test_a_session_that_the_server_ends_publishes_nothing(node: Node) -> None:
    node.create()
    with node.locked():
        running = node.start("backup-pg.sh")
        wait_for(node.waits_for_a_lock)
        node.server.psql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^quickdata'"
        )
        done = finish(running)
    assert (done.code, node.objects()) == (1, [])
    assert "nothing was published" in node.alert()


def test_a_refused_upload_publishes_nothing(node: Node, proxy: FaultProxy) -> None:
    node.create()
    node.configure(AWS_ENDPOINT_URL=proxy.url)
    with proxy.making("403", "(PUT|POST) .*(dump|globals)"):
        done = node.backup()
    assert (done.code, done.out, node.objects()) == (1, "", [])
    assert "nothing was published" in node.alert()
    assert node.leaves_nothing()


def test_a_refused_manifest_is_no_backup(node: Node, proxy: FaultProxy) -> None:
    node.create()
    node.configure(AWS_ENDPOINT_URL=proxy.url)
    with proxy.making("403", "PUT .*manifest"):
        done = node.backup()
    assert (done.code, done.out, node.backups()) == (1, "", [])
    assert "the backup does not exist" in node.alert()


def test_a_manifest_that_is_there_is_never_overwritten(node: Node, proxy: FaultProxy) -> None:
    node.create()
    node.configure(AWS_ENDPOINT_URL=proxy.url)
    with proxy.making("stall", "PUT .*manifest", times=1) as trouble:
        running = node.start("backup-pg.sh")
        wait_for(lambda: trouble.met)
        manifest = trouble.met[0].split()[1].removeprefix(f"/{node.bucket}/")
        node.write(manifest, b"first")
        proxy.let_go.set()
        assert finish(running).code == 1
    assert node.read(manifest) == b"first"


def test_of_two_backups_at_once_one_wins_and_the_other_says_so(node: Node) -> None:
    node.create()
    with node.locked():
        first = node.start("backup-pg.sh")
        wait_for(node.waits_for_a_lock)
        second = finish(node.start("backup-pg.sh"), timeout=10)
    assert second.code == 1
    assert re.search(r"another run holds .*lock \(backup-pg.sh, pid \d+, since 20.*\); wait", node.alert())
    assert finish(first).code == 0
    assert len(node.backups()) == 1


def test_a_backup_during_a_restore_is_refused(stocked: Node) -> None:
    with stocked.locked():
        stocked.replace(
            "pg_restore", f'psql -qd {stocked.database} -Atc "table public.customers" >&2; exec "$REAL" "$@"'
        )
        restore = stocked.start("restore-pg-latest.sh", "--verify")
        wait_for(stocked.waits_for_a_lock)
        refused = stocked.backup()
    assert refused.code == 1
    assert "another run holds" in stocked.alert()
    assert finish(restore).code == 0


@pytest.mark.parametrize("signal", ["TERM", "INT"])
def test_an_interrupted_backup_leaves_nothing_behind(node: Node, signal: str) -> None:
    node.create()
    with node.locked():
        running = node.start("backup-pg.sh")
        wait_for(node.waits_for_a_lock)
        os.kill(running.pid, {"TERM": 15, "INT": 2}[signal])
        done = finish(running)
    assert done.code == {"TERM": 143, "INT": 130}[signal]
    assert f"interrupted by SIG{signal}" in node.alert()
    assert node.objects() == []
    assert node.leaves_nothing()


def test_after_a_kill_nothing_was_published_and_the_next_backup_works(node: Node) -> None:
    node.create()
    with node.locked():
        running = node.start("backup-pg.sh")
        wait_for(node.waits_for_a_lock)
        os.kill(running.pid, 9)
        running.wait()
        assert "another run holds" in node.backup().log, "what the killed one left running holds the lock"
    wait_for(lambda: not node.processes())
    assert node.backups() == []
    assert node.backup().code == 0
    assert len(node.backups()) == 1
    assert node.leaves_nothing()


def test_rows_that_the_role_may_not_see_fail_the_backup(node: Node) -> None:
    role = f"reader_{node.token}"
    node.create()
    node.sql(f"create role {role} login password 'x' in role pg_read_all_data")
    node.sql("alter table notes enable row level security")
    passwords = node.directory / "reader"
    passwords.touch(0o600)
    passwords.write_text("*:*:*:*:x\n")
    node.configure(PGUSER=role, PGPASSFILE=str(passwords))
    done = node.backup()
    assert (done.code, node.backups()) == (1, [])
    assert "row-level security" in done.log


def test_a_clock_set_back_does_not_make_an_old_backup_the_latest(stocked: Node) -> None:
    ahead = name_of(-timedelta(hours=5))
    stocked.write(f"postgres/{stocked.database}/{ahead}/manifest.json", "{}")
    done = stocked.backup()
    assert done.code == 0
    assert stocked.backups()[-1].endswith(done.json["id"])
    assert "is the clock right?" in done.log


def test_a_backup_that_gzip_compressed_comes_back(stocked: Node) -> None:
    """An earlier version did, on a node without zstd."""
    objects = stocked.manifest()["objects"]
    for described in objects.values():
        plain = zstandard.ZstdDecompressor().stream_reader(stocked.read(described["key"])).read()
        packed = gzip.compress(plain)
        key = described["key"].replace(".zst", ".gz")
        stocked.write(key, packed)
        described |= {"key": key, "codec": "gzip", "sha256": hashlib.sha256(packed).hexdigest()}
    stocked.rewrite(lambda manifest: manifest.update(objects=objects))
    assert stocked.restore("--verify").json["mismatches"] == 0


def test_attachments_are_in_the_backup_and_come_back(node: Node) -> None:
    uploads = node.directory / "nocodb data"
    (uploads / "nc").mkdir(parents=True)
    (uploads / "nc" / "photo ü.jpg").write_bytes(b"\xff\xd8 pixels")
    node.create()
    node.configure(ATTACHMENTS_DIR=str(uploads))
    assert node.backup().code == 0
    assert node.restore("--verify").code == 0
    (uploads / "nc" / "photo ü.jpg").write_bytes(b"overwritten")
    (uploads / "later").touch()
    assert node.restore().code == 0
    assert [str(p.relative_to(uploads)) for p in uploads.rglob("*") if p.is_file()] == ["nc/photo ü.jpg"]
    assert (uploads / "nc" / "photo ü.jpg").read_bytes() == b"\xff\xd8 pixels"
    assert [p.name for p in node.directory.glob("nocodb data.*")] == [
        f"nocodb data.before_{node.manifest()['id']}"
    ]


def test_the_manifest_says_how_much_room_the_attachments_need(node: Node, uploads: Path) -> None:
    (uploads / "video").write_bytes(os.urandom(300_000))
    assert node.backup().code == 0
    assert 300_000 <= node.manifest()["objects"]["attachments"]["unpacked"] < 400_000


def test_attachments_that_are_not_there_fail_the_backup(node: Node) -> None:
    node.configure(ATTACHMENTS_DIR=str(node.directory / "not mounted"))
    assert node.backup().code == 1
    assert "not mounted is not a directory; mount it, or correct the configuration" in node.alert()


def test_who_is_told_of_a_failure_gets_no_keys(node: Node) -> None:
    node.replace("alert", f"env >{node.directory}/seen")
    assert node.backup().code == 1  # there is no such database
    seen = (node.directory / "seen").read_text()
    assert [each for each in ("AWS_", "PGPASS") if each in seen] == []


def test_a_backup_whose_words_nobody_can_read_is_a_backup_all_the_same(node: Node) -> None:
    node.create()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*node.command("backup-pg.sh"), "--config", str(node.config)],
            env={"PATH": node.path},
            stdout=full,
            check=False,
        )
    assert (done.returncode, len(node.backups()), node.alert()) == (0, 1, "")


def test_a_manifest_that_no_restore_could_read_is_not_published(node: Node) -> None:
    node.create()
    node.mutate("backup.py", "server_version=snapshot.server_version", 'server_version="eighteen"')
    done = node.backup()
    assert (done.code, node.backups()) == (1, [])
    assert "no restore could read this manifest, the backup does not exist" in node.alert()
