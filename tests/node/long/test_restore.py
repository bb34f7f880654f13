"""What a restore never runs, whoever wrote it into the bucket, and what it needs room for."""

import re
from pathlib import Path

import pytest

from tests.support.backup_node import Node


def test_inherited_columns_in_another_order_are_no_difference(node: Node) -> None:
    node.create(
        "create table parent (a int); create table child (own int) inherits (parent);"
        "alter table parent add column late text; insert into child values (1, 2, 'three')"
    )
    assert node.backup().code == 0
    assert node.restore("--verify").code == 0


@pytest.mark.parametrize("field", ["server_version", "database_bytes"])
def test_what_a_manifest_says_is_never_run(stocked: Node, field: str) -> None:
    proof = stocked.directory / "proof"
    stocked.rewrite(lambda manifest: manifest.update({field: f"PG[$(touch {proof})0]"}))
    said = stocked.refuses_to_restore()
    assert said.startswith("1: ") and "gives a version or a size that is not a number" in said
    assert not proof.exists()


def test_what_a_manifest_says_of_an_object_is_never_run(stocked: Node) -> None:
    proof = stocked.directory / "proof"
    size = f"PG[$(touch {proof})0]"
    stocked.rewrite(lambda manifest: manifest["objects"]["dump"].update(size=size))
    assert "describes its dump wrongly" in stocked.refuses_to_restore()
    assert not proof.exists()


def test_what_a_server_says_is_never_run(stocked: Node) -> None:
    proof = stocked.directory / "proof"
    stocked.replace(
        "psql",
        "sql=$(cat); if [[ $sql == *server_version_num* ]]; then"
        f' echo \'PG[$(touch {proof})0]\'; else "$REAL" "$@" <<<"$sql"; fi',
    )
    assert "gives a version that is not a number" in stocked.refuses_to_restore()
    assert not proof.exists()


def test_a_restore_that_gives_up_early_is_not_called_damage(node: Node) -> None:
    noise = "select string_agg(sha512((n * 2000 + i)::text::bytea), '') from generate_series(1, 2000) i"
    node.create(f"create table noise as select ({noise}) as noise from generate_series(1, 100) n")
    assert node.backup().json["bytes"] > 12_000_000  # more than one part
    node.replace("pg_restore", "exit 127")
    assert node.refuses_to_restore().endswith("cannot be restored; the lines above say why\n")


def test_too_little_room_is_found_before_anything_is_done(stocked: Node) -> None:
    stocked.replace("df", "printf 'Filesystem\\n/dev/x 100 90 10 90%% /\\n'")
    said = stocked.refuses_to_restore()
    assert re.search(r"the restore needs \d{7} bytes beside the live database, 10240 are free", said)


@pytest.mark.parametrize("key", ["unpacked", "size"])
def test_too_little_room_for_the_attachments_is_found_before_they_come(
    node: Node, uploads: Path, key: str
) -> None:
    if key == "size":  # a manifest from before they were measured
        node.rewrite(lambda manifest: manifest["objects"]["attachments"].pop("unpacked"))
    full = "printf 'Filesystem\\n/dev/x 100 100 0 100%% /\\n'"
    node.replace("df", f'if [[ $* == *uploads* ]]; then {full}; else exec /usr/bin/df "$@"; fi')
    needed = node.manifest()["objects"]["attachments"][key]
    assert (
        f"the attachments need {needed} bytes beside the live ones, 0 are free" in node.refuses_to_restore()
    )
    assert not list(node.directory.glob("uploads.restore_*"))
