"""Manifests in the bucket that lack what a restore needs."""

import pytest

from tests.support.backup_node import Node
from tests.support.faults import Before, Fault, cases
from tests.support.mutation import RESTORE

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
