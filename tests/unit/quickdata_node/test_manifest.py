"""The manifest: what is written is read, and what anybody else wrote is looked at first."""

import json
from dataclasses import replace
from typing import Any

import pytest

from quickdata_node.manifest import BadManifest, Manifest, StoredObject, Table, read_manifest
from quickdata_node.needs import Needs

PREFIX = "postgres/app/20261129T021700Z-0123abcd"
MANIFEST = Manifest(
    id="0123abcd",
    database="app",
    server_version="18.4 (Debian 18.4-1.pgdg13+1)",
    client_version="pg_dump (PostgreSQL) 18.4",
    started_at="2026-11-29T02:17:00Z",
    finished_at="2026-11-29T02:18:00Z",
    database_bytes=7_000_000,
    objects={
        "dump": StoredObject(f"{PREFIX}/dump.zst", 300, "ab", "zstd"),
        "globals": StoredObject(f"{PREFIX}/globals.sql.gz", 20, "cd", "gzip"),
        "attachments": StoredObject(f"{PREFIX}/attachments.tar.zst", 1, "ef", "zstd", 5, 2, 4),
    },
    tables=[
        Table("public", 'ü"', "table", 10, "-5"),
        Table("public", "seen", "materialized view", None, None),
        Table("pg_catalog", "pg_largeobject", "large objects", 2, "0"),
    ],
    definitions={"TABLE public.ü": "0123456789abcdef"},
    is_template=True,
    needs=Needs(("pg_trgm",), ("icu de-DE",), ("de-x-icu",), ("lz4",)),
    keep_daily=14,
    keep_weekly=0,
)


def read(document: object) -> Manifest:
    return read_manifest(json.dumps(document).encode(), "app", "0123abcd", PREFIX)


def changed(**values: Any) -> dict[str, Any]:
    return {**json.loads(MANIFEST.text()), **values}


def test_what_is_written_is_what_is_read() -> None:
    assert read_manifest(MANIFEST.text().encode(), "app", "0123abcd", PREFIX) == MANIFEST
    assert MANIFEST.server_major == 18


def test_what_was_written_before_needs_were_noted_needs_nothing() -> None:
    document = changed()
    del document["needs"]
    assert read(document).needs == Needs()


def test_needs_that_are_no_lists_of_names_are_refused() -> None:
    with pytest.raises(BadManifest, match="has needs that are not valid"):
        read(changed(needs=["lz4"]))


def test_what_was_written_before_retention_was_noted_has_the_role_s_default() -> None:
    document = changed()
    del document["keep_daily"], document["keep_weekly"]
    assert (read(document).keep_daily, read(document).keep_weekly) == (7, 4)


@pytest.mark.parametrize("wrong", [{"keep_daily": 0}, {"keep_daily": None}, {"keep_weekly": -1}], ids=str)
def test_a_retention_that_no_node_can_have_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadManifest, match="has a retention that is not valid"):
        read(changed(**wrong))


def test_its_totals_count_rows_of_tables_and_no_large_objects() -> None:
    assert json.loads(MANIFEST.text())["totals"] == {"tables": 2, "rows": 10, "bytes": 321}


def test_an_object_that_nobody_measured_says_nothing_of_its_content() -> None:
    assert "unpacked" not in json.loads(MANIFEST.text())["objects"]["dump"]


@pytest.mark.parametrize("text", [b"", b'{"format": 1,', b"[]", b"\xff", b"[" * 100_000, b"null"], ids=str)
def test_what_is_no_document_cannot_be_understood(text: bytes) -> None:
    with pytest.raises(BadManifest, match="cannot be understood"):
        read_manifest(text, "app", "0123abcd", PREFIX)


def test_a_format_that_is_not_known_needs_what_wrote_it() -> None:
    with pytest.raises(BadManifest, match="has format 3, not 1 or 2") as caught:
        read(changed(format=3))
    assert caught.value.fix == "use the scripts that wrote it"


@pytest.mark.parametrize("value", [{"database": "app_staging"}, {"id": "ffffffff"}, {"id": None}], ids=str)
def test_another_backups_manifest_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(BadManifest, match="belongs to another backup"):
        read(changed(**value))


@pytest.mark.parametrize("size", ["7", -1, 1.5, True, None, 10**18, "$(touch x)"], ids=str)
def test_a_size_is_a_number(size: object) -> None:
    with pytest.raises(BadManifest, match="a size that is not a number"):
        read(changed(database_bytes=size))


@pytest.mark.parametrize("version", ["", "x", "18beta1", "1234.5", 18, None], ids=str)
def test_a_version_begins_with_a_number(version: object) -> None:
    with pytest.raises(BadManifest, match="gives a version"):
        read(changed(server_version=version))


@pytest.mark.parametrize("objects", [None, [], {}, {"dump": {"key": "x"}}], ids=str)
def test_without_dump_and_globals_it_is_refused(objects: object) -> None:
    with pytest.raises(BadManifest, match="lacks an object"):
        read(changed(objects=objects))


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "postgres/other/dump.zst"},
        {"key": f"{PREFIX}x/dump.zst"},
        {"codec": "sh"},
        {"size": "1"},
        {"sha256": None},
        {"unpacked": "1"},
        {"files": "1"},
        {"file_bytes": -1},
    ],
    ids=str,
)
def test_an_object_is_described_rightly_or_refused(wrong: dict[str, Any]) -> None:
    document = changed()
    document["objects"]["dump"] |= wrong
    with pytest.raises(BadManifest, match="describes its dump wrongly"):
        read(document)


def test_an_object_that_nobody_knows_is_refused() -> None:
    document = changed()
    document["objects"]["attachmants"] = document["objects"]["dump"]
    with pytest.raises(BadManifest, match="describes its attachmants wrongly"):
        read(document)


def test_no_text_of_a_manifest_writes_to_a_terminal() -> None:
    clear = "\x1b[2J"
    for document in (changed(format=clear), changed()):
        document["objects"][clear] = document["objects"]["dump"]
        with pytest.raises(BadManifest) as caught:
            read(document)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "tables",
    [None, 1, [1], [{}], [{"schema": 1, "name": "", "kind": "table", "rows": 1, "checksum": ""}]],
    ids=str,
)
def test_tables_that_are_none_are_refused(tables: object) -> None:
    with pytest.raises(BadManifest, match="has "):
        read(changed(tables=tables))


def test_a_manifest_without_tables_is_one_and_everything_differs_from_it() -> None:
    assert read(changed(tables=[])) == replace(MANIFEST, tables=[])


@pytest.mark.parametrize("found", [0, True, 1.0, "1", None, [1]], ids=str)
def test_what_is_not_the_number_of_a_format_is_none(found: object) -> None:
    with pytest.raises(BadManifest, match="not 1 or 2"):
        read(changed(format=found))


def test_format_1_is_read_and_says_that_it_is() -> None:
    assert read(changed(format=1)) == replace(MANIFEST, format=1, definitions=None)


@pytest.mark.parametrize("found", [None, [], "TABLE", {"TABLE": 1}, {"TABLE": None}], ids=str)
def test_definitions_that_are_none_are_refused(found: object) -> None:
    with pytest.raises(BadManifest, match="has no list of definitions"):
        read(changed(definitions=found))
