"""Objects and manifests in the bucket that were changed."""

import hashlib

import pytest

from tests.support.backup_node import Node
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.mutation import RESTORE

DAMAGED = (
    "postgres/{database}/{newest}/OBJECT is not what was uploaded, its SHA-256 differs; "
    "restore an older backup with --id, or bring back the object's earlier version"
)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def empty(_: bytes) -> bytes:
    return b""


CHANGED = tuple(
    Fault(
        f"the {file.split('.')[0]} is {what}", "restore", DAMAGED.replace("OBJECT", file), 4, (file, change)
    )
    for file in ("dump.zst", "globals.json.zst")
    for what, change in (("cut off", cut), ("flipped in one bit", flip), ("empty", empty))
)


@pytest.mark.parametrize("case", cases(CHANGED))
def test_an_object_that_was_changed_is_not_restored(stocked: Node, case: Fault) -> None:
    file, change = case.how
    key = f"postgres/{stocked.database}/{stocked.backups()[-1]}/{file}"
    stocked.write(key, change(stocked.read(key)))
    before = Before(stocked)
    before.survives(stocked.restore(), case.says, case.code, RESTORE)


SWAPPED = (
    Fault("the dump is another database's", "restore", DAMAGED.replace("OBJECT", "dump.zst"), 4, False),
    Fault(
        "the dump is another database's, and the manifest has its SHA-256",
        "restore",
        "3 tables differ from the manifest of {newest}; "
        "restore another backup with --id; the live database was not touched",
        4,
        True,
    ),
)


@pytest.mark.parametrize("case", cases(SWAPPED))
def test_a_dump_of_another_database_is_not_restored(stocked: Node, case: Fault) -> None:
    newest, database = stocked.backups()[-1], stocked.database
    stocked.configure(DATABASE=f"{database}_b")
    stocked.create("create table theirs as select 1 as a")
    assert stocked.backup().code == 0
    other = stocked.read(stocked.manifest()["objects"]["dump"]["key"])
    stocked.server.psql(f"drop database {stocked.database}")
    stocked.configure(DATABASE=database)
    stocked.write(f"postgres/{database}/{newest}/dump.zst", other)
    if case.how:
        digest = hashlib.sha256(other).hexdigest()
        stocked.rewrite(lambda manifest: manifest["objects"]["dump"].update(sha256=digest))
    before = Before(stocked)
    before.survives(stocked.restore(), case.says, case.code, RESTORE)


WRONG = (
    Fault(
        "the manifest has no counts",
        "restore",
        "3 tables differ from the manifest of {newest}; "
        "restore another backup with --id; the live database was not touched",
        4,
        "tables",
    ),
    Fault(
        "the manifest lacks an object",
        "restore",
        "the manifest of {newest} lacks an object; restore another backup with --id",
        1,
        "globals",
    ),
    Fault(
        "the manifest has an object that nobody knows",
        "restore",
        "the manifest of {newest} describes its attachmants wrongly; restore another backup with --id",
        1,
        "attachmants",
    ),
    Fault(
        "the manifest names an object of another backup",
        "restore",
        "the manifest of {newest} describes its dump wrongly; restore another backup with --id",
        1,
        "key",
    ),
    Fault(
        "the manifest is empty",
        "restore",
        "the manifest of {newest} cannot be understood; restore another backup with --id",
        1,
        "",
    ),
)


@pytest.mark.parametrize("case", cases(WRONG))
def test_a_manifest_that_lacks_what_is_needed_is_refused(stocked: Node, case: Fault) -> None:
    manifest = stocked.manifest()
    key = f"postgres/{stocked.database}/{stocked.backups()[-1]}/manifest.json"
    match case.how:
        case "":
            stocked.write(key, "")
        case "tables":
            stocked.rewrite(lambda manifest: manifest.update(tables=[]))
        case "globals":
            stocked.rewrite(lambda manifest: manifest["objects"].pop("globals"))
        case "key":
            stocked.rewrite(
                lambda manifest: manifest["objects"]["dump"].update(key="postgres/other/dump.zst")
            )
        case unknown:
            stocked.rewrite(lambda m: m["objects"].update({unknown: manifest["objects"]["dump"]}))
    before = Before(stocked)
    before.survives(stocked.restore(), case.says, case.code, RESTORE)


QUOTED = (Retried("the manifest holds what ends an SQL literal", "restore", "it is text: the run ends well"),)


@pytest.mark.parametrize("case", cases(QUOTED))
def test_a_manifest_is_never_sql(stocked: Node, case: Fault) -> None:
    stocked.rewrite(lambda manifest: manifest.update(note="$q$'::json; drop table customers; --"))
    assert stocked.restore().code == 0
    assert stocked.sql("select count(*) from customers") == "500"
