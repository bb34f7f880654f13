"""restore-pg-latest.sh: only what equals its manifest comes back, and on any failure nothing has happened."""

import json
from datetime import timedelta

import pytest

from pipeline.machine.repository import REPOSITORY
from tests.support.backup_node import Node
from tests.support.backup_runs import name_of

SETTINGS = """
create role {role} nologin; alter database {database} owner to {role};
comment on database {database} is 'it''s :mine'; alter database {database} connection limit 77;
revoke all on database {database} from public;
grant connect on database {database} to pg_monitor with grant option;
alter database {database} set search_path = "$user", "Bäse 1";
alter database {database} set app.tenant = 'it''s';
alter role {role} in database {database} set work_mem = '5MB';
"""
DAMAGE = """
truncate public.t; drop schema "p ""q"" 'r'" cascade; update public.parts set v = v + 1;
select lo_unlink(oid) from pg_largeobject_metadata;
"""
FORMAT_1 = REPOSITORY / "tests/support/format_1"
"""The objects of a backup of EVERYTHING that the bash scripts made, before there was a program."""
EVERYTHING = (REPOSITORY / "tests/support/every_kind_of_data.sql").read_text(encoding="utf-8")


def test_every_kind_of_data_comes_back_equal(node: Node) -> None:
    node.create(EVERYTHING)
    node.sql(SETTINGS.format(database=node.database, role=f'"Role of {node.token}"'))
    before = node.content()
    assert node.backup().code == 0
    node.sql(DAMAGE)
    assert node.restore().code == 0
    assert node.content() == before


@pytest.mark.parametrize("name", ["My \"Db\" 'x'", "a=b -ü\\7$HOME"])
def test_a_database_may_have_any_name(node: Node, name: str) -> None:
    node.configure(DATABASE=f"{name} {node.database}"[:40])
    node.create()
    assert node.backup().code == 0
    node.sql("delete from customers")
    done = node.restore()
    kept = f"{node.database}_before_{done.json['id']}"
    assert (done.code, done.json["rows"], done.json["kept"]) == (0, 1000, kept)
    assert node.sql("select count(*) from customers") == "500"
    assert len(node.databases()) == 2


def plant_format_1(node: Node) -> None:
    root = "postgres/app_of_bash/20261129T141340Z-ff9d60f3"
    node.plant(
        {f"{root}/{file.name}": file.read_bytes() for file in sorted(FORMAT_1.iterdir())}, "app_of_bash"
    )


def test_a_backup_that_the_bash_scripts_of_format_1_made_comes_back(node: Node) -> None:
    uploads = node.directory / "uploads"
    uploads.mkdir()
    node.configure(ATTACHMENTS_DIR=str(uploads))
    plant_format_1(node)
    node.create("select 'nothing'")
    said = {"id": "ff9d60f3", "tables": 12, "rows": 713, "mismatches": 0}
    for arguments in (("--verify",), ()):
        done = node.restore(*arguments)
        assert done.code == 0
        assert {name: done.json[name] for name in said} == said
    assert node.sql("select count(*) from public.parts") == "400"
    assert (uploads / "nc/photo ü.jpg").read_bytes() == b"\xff\xd8 pixels"
    node.server.psql(f'drop database {node.database} with (force); drop role "Owner of a format"')


# --- comparison ---


def test_a_restore_that_differs_is_seen_and_the_live_database_stays(stocked: Node) -> None:
    update = "update notes set note = note || '.' where ctid = '(0,1)'"
    damage = f"{update}; drop table customers; create table extra ();"
    stocked.replace(
        "pg_restore",
        f'"$REAL" "$@"; export PGOPTIONS=; target=${{!#}}; psql -qd "${{target#--dbname=}}" -c "{damage}"',
    )
    before = stocked.content()
    done = stocked.restore()
    assert (done.code, done.out) == (4, "")
    assert "public.notes has the same number of rows, with other content" in done.log
    assert "public.customers is missing" in done.log
    assert "public.extra is not in the manifest" in done.log
    assert "3 tables differ" in stocked.alert()
    assert stocked.content() == before
    assert stocked.leaves_nothing()


def dump_key(node: Node) -> str:
    return next(key for key in node.objects() if "/dump." in key)


def test_a_truncated_dump_is_refused(stocked: Node) -> None:
    key = dump_key(stocked)
    stocked.write(key, stocked.read(key)[:-2000])
    assert (said := stocked.refuses_to_restore()).startswith("4: ") and "is not what was uploaded" in said


def test_a_bit_flipped_anywhere_is_refused(stocked: Node) -> None:
    key = dump_key(stocked)
    content = bytearray(stocked.read(key))
    content[-1] ^= 1  # zstd's own checksum: the data are whole
    stocked.write(key, bytes(content))
    assert (said := stocked.refuses_to_restore()).startswith("4: ") and "is not what was uploaded" in said


def test_an_empty_dump_is_refused(stocked: Node) -> None:
    stocked.write(dump_key(stocked), b"")
    assert stocked.refuses_to_restore().startswith("4: ")


def test_a_wrong_sha256_in_the_manifest_is_refused(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest["objects"]["dump"].update(sha256="0" * 64))
    assert (said := stocked.refuses_to_restore()).startswith("4: ") and "SHA-256 differs" in said


def test_a_wrong_content_checksum_in_the_manifest_is_refused(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest["tables"][0].update(checksum="1"))
    assert (said := stocked.refuses_to_restore()).startswith("4: ") and "1 tables differ" in said


def test_a_missing_dump_is_refused(stocked: Node) -> None:
    stocked.s3.delete_object(Bucket=stocked.bucket, Key=dump_key(stocked))
    assert (said := stocked.refuses_to_restore()).startswith(
        "1: "
    ) and "cannot be downloaded; check that it exists" in said


def test_a_manifest_of_a_newer_format_is_refused(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest.update(format=3))
    assert "has format 3, not 1 or 2; use the scripts that wrote it" in stocked.refuses_to_restore()


def test_a_manifest_that_is_not_json_is_refused(stocked: Node) -> None:
    stocked.write(f"postgres/{stocked.database}/{stocked.backups()[-1]}/manifest.json", '{"format": 1,')
    assert "cannot be understood; restore another backup" in stocked.refuses_to_restore()


def test_a_manifest_of_another_database_is_refused(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest.update(database=f"{stocked.database}_staging"))
    assert "belongs to another backup" in stocked.refuses_to_restore()


def test_a_backup_of_a_newer_server_is_refused(stocked: Node) -> None:
    stocked.rewrite(lambda manifest: manifest.update(server_version="99.1"))
    assert "the server is older than that of the backup (99)" in stocked.refuses_to_restore()


def test_nothing_to_verify_is_a_failure(node: Node) -> None:
    done = node.restore("--verify")
    assert (done.code, done.out) == (1, "")
    assert f"holds no backup of {node.database}; take one with backup-pg.sh" in node.alert()


def test_a_name_that_begins_like_another_is_another_database(stocked: Node) -> None:
    database = stocked.database
    for other in (f"{database}_staging", database[:-1]):
        stocked.configure(DATABASE=other)
        assert f"holds no backup of {other};" in stocked.restore("--verify").log


def test_an_unfinished_backup_is_not_the_latest(stocked: Node) -> None:
    finished = stocked.backups()[-1]
    stocked.write(f"postgres/{stocked.database}/{name_of(-timedelta(minutes=1))}/dump.zst", "half")
    assert stocked.restore("--verify").json["id"] == finished[17:]


def test_an_older_backup_comes_back_by_its_id(stocked: Node, sample: tuple[dict[str, bytes], str]) -> None:
    stocked.plant(*sample, name="20260101T000000Z-00000001")
    assert stocked.restore("--verify", "--id", "00000001").json["id"] == "00000001"
    unknown = stocked.restore("--verify", "--id", "deadbeef")
    assert unknown.code == 1
    assert (
        f"holds no backup deadbeef of {stocked.database}; the newest one is {stocked.backups()[-1]}"
        in unknown.log
    )


# --- verify ---


def test_verify_proves_the_backup_and_touches_nothing(stocked: Node) -> None:
    stocked.sql("delete from customers where id > 10")
    before = stocked.content()
    done = stocked.restore("--verify")
    assert done.code == 0
    assert done.json | {"seconds": 0} == {
        "id": stocked.manifest()["id"],
        "action": "verified",
        "tables": 2,
        "rows": 1000,
        "mismatches": 0,
        "kept": None,
        "refused": [],
        "missing": [],
        "not_valid": [],
        "otherwise": [],
        "seconds": 0,
    }
    assert stocked.content() == before
    assert stocked.databases() == [stocked.database]
    verified = json.loads(stocked.read(f"postgres/{stocked.database}/{stocked.backups()[-1]}/verified.json"))
    assert sorted(verified) == ["by", "id", "seconds", "verified_at"]
    assert stocked.leaves_nothing()
