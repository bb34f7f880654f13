"""backup-pg.sh: what it publishes, and that it publishes nothing but a complete backup."""

import hashlib
import os
import re
from datetime import timedelta
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from tests.support.backup_node import SAMPLE, Node
from tests.support.backup_runs import finish, name_of, wait_for

UPLOADS = '[[ " $* " == *" s3 cp - "* ]]'
PUTS = '[[ " $* " == *" put-object "* ]]'


def test_a_backup_is_a_manifest_and_the_objects_it_describes(node: Node) -> None:
    node.create()
    done = node.backup()
    manifest = node.manifest()
    said = done.json
    assert (done.code, said["id"], said["tables"], said["rows"]) == (0, manifest["id"], 2, 1000)
    assert re.fullmatch(rf"postgres/{node.database}/\d{{8}}T\d{{6}}Z-{said['id']}", said["prefix"])
    assert (manifest["format"], manifest["database"]) == (1, node.database)
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
    node.replace("pg_dump", "echo dumped")
    with node.locked("notes"):
        running = node.start("backup-pg.sh")
        wait_for(node.waits_for_a_lock)
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


def held_inputs(script: int) -> set[str]:
    """The uploads whose input the script itself holds open."""
    opened = [file.readlink() for file in Path(f"/proc/{script}/fd").iterdir()]
    return {file.name for file in opened if file.name in ("dump", "globals")}


def test_the_upload_of_a_dump_that_died_never_sees_the_end_of_its_input(node: Node) -> None:
    node.create()
    node.replace("pg_dump", "head -c 100000 /dev/urandom; kill -KILL $$")
    upload = f'if {UPLOADS}; then cat >/dev/null; touch "$0.completed"; else exec "$REAL" "$@"; fi'
    node.configure(AWS_CLI=str(node.replace("aws", upload)))
    with node.locked():  # while the script still counts
        running = node.start("backup-pg.sh")
        wait_for(lambda: [file for file in node.files() if file.joinpath("dump.sha256").is_file()])
        wait_for(lambda: [file for file in node.files() if file.joinpath("dump.sha256").stat().st_size])
        assert held_inputs(running.pid) == {"dump", "globals"}
        assert node.backup().code == 1
    assert finish(running).code == 1
    assert not (node.bin / "aws.completed").exists()


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


@pytest.mark.parametrize("taken", ["head -c 100 >/dev/null", "cat >/dev/null"])
def test_a_refused_upload_publishes_nothing(node: Node, taken: str) -> None:
    node.create()
    refusing = node.replace("aws", f'if {UPLOADS}; then {taken}; exit 1; fi; exec "$REAL" "$@"')
    node.configure(AWS_CLI=str(refusing))
    done = node.backup()
    assert (done.code, done.out, node.objects()) == (1, "", [])
    assert "nothing was published" in node.alert()
    assert node.leaves_nothing()


def test_a_refused_manifest_is_no_backup(node: Node) -> None:
    node.create()
    refusing = node.replace("aws", f'if {PUTS}; then exit 254; fi; exec "$REAL" "$@"')
    node.configure(AWS_CLI=str(refusing))
    done = node.backup()
    assert (done.code, done.out, node.backups()) == (1, "", [])
    assert "the backup does not exist" in node.alert()


def test_a_manifest_that_is_there_is_never_overwritten(node: Node) -> None:
    node.create()
    faster = (
        'key=$(sed "s/.* --key //; s/ .*//" <<<"$*"); printf first >"$0.first";'
        f'"$REAL" s3api put-object --bucket {node.bucket} --key "$key" --body "$0.first" >/dev/null'
    )
    node.configure(AWS_CLI=str(node.replace("aws", f'if {PUTS}; then {faster}; fi; exec "$REAL" "$@"')))
    assert node.backup().code == 1
    manifest = next(key for key in node.objects() if key.endswith("manifest.json"))
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


def test_an_interrupt_between_the_start_of_an_upload_and_its_note_publishes_nothing(node: Node) -> None:
    node.create()
    node.mutate("backup-pg.sh", '  CHILDREN+=("$!")\n', "  kill -TERM $$\n")
    assert node.backup().code == 143
    assert node.objects() == []


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


def test_without_zstd_gzip_does_it_and_the_manifest_says_so(node: Node) -> None:
    node.hide("zst")
    node.create()
    done = node.backup()
    assert (done.code, node.manifest()["objects"]["dump"]["codec"]) == (0, "gzip")
    assert "zstd is not installed" in done.log
    assert any(key.endswith("/dump.gz") for key in node.objects())
    assert node.restore("--verify").code == 0


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


def test_an_upload_is_told_the_size_of_what_it_uploads(node: Node, uploads: Path) -> None:
    (uploads / "video").write_bytes(os.urandom(300_000))
    node.configure(
        ATTACHMENTS_DIR=str(uploads),
        AWS_CLI=str(node.replace("aws", 'echo "$*" >>"$0.calls"; exec "$REAL" "$@"')),
    )
    assert node.backup().code == 0
    calls = (node.bin / "aws.calls").read_text()
    told = dict(re.findall(r"s3 cp - \S+/(\w+)\S* .*--expected-size (\d+)", calls))
    manifest = node.manifest()
    size, unpacked = manifest["database_bytes"], manifest["objects"]["attachments"]["unpacked"]
    assert told == {"dump": str(size), "globals": str(size), "attachments": str(unpacked)}
    assert 300_000 < unpacked < 400_000


def test_attachments_that_are_not_there_fail_the_backup(node: Node) -> None:
    node.configure(ATTACHMENTS_DIR=str(node.directory / "not mounted"))
    assert node.backup().code == 1
    assert "not mounted is not a directory; mount it, or correct the configuration" in node.alert()
