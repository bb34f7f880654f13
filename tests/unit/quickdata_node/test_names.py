"""The names of backups: what is one, and how the next is called."""

from datetime import UTC, datetime

import pytest

from quickdata_node import names
from quickdata_node.run import Failed

NOW = datetime(2026, 11, 29, 2, 17, 5, tzinfo=UTC)
ONE, OTHER = "20261128T021705Z-0123abcd", "20261129T021705Z-89abcdef"


def test_only_the_manifest_of_this_very_database_makes_a_backup() -> None:
    keys = [f"{OTHER}/manifest.json", f"{ONE}/manifest.json", f"sub/{ONE}/manifest.json", f"{ONE}/dump.zst"]
    assert names.with_file(keys, names.MANIFEST) == [ONE, OTHER]


@pytest.mark.parametrize(
    "name", ["latest", "20261399T000000Z-0123abcd", "20261129T240000Z-0123abcd", f"x{ONE}", f"{ONE}0"]
)
def test_what_bears_no_time_and_id_is_no_name(name: str) -> None:
    assert names.with_file([f"{name}/manifest.json"]) == []


def test_the_manifest_is_the_first_of_a_backups_files_and_what_others_keep_there_is_none() -> None:
    ours = ("dump.zst", "manifest.json", "globals.sql.gz", "globals.json.zst", "verified.json")
    files = (*ours, "why.txt", "more/dump.zst", "globals.zst", "globals.csv.zst")
    found = names.files_of([f"{ONE}/{file}" for file in files] + [f"{OTHER}/dump.zst"], ONE)
    assert found == ["manifest.json", "dump.zst", "globals.json.zst", "globals.sql.gz", "verified.json"]


def test_a_backup_is_called_by_its_second_and_an_id_of_its_own() -> None:
    first, second = (names.next_name("", NOW, "") for _ in range(2))
    assert first[:17] == second[:17] == "20261129T021705Z-"
    assert first != second
    assert names.NAME.fullmatch(first)


@pytest.mark.parametrize(
    ("newest", "time"),
    [
        (ONE, "20261129T021705Z"),
        (OTHER, "20261129T021706Z"),
        ("20270101T235959Z-0123abcd", "20270102T000000Z"),
    ],
    ids=["older", "of this second", "of a time to come"],
)
def test_a_new_name_follows_all_others(newest: str, time: str) -> None:
    assert names.next_name(newest, NOW, "").startswith(time)


@pytest.mark.parametrize("odd", ["99991231T235959Z-00000000", "20270231T000000Z-00000000"])
def test_no_name_follows_one_that_bears_no_time(odd: str) -> None:
    with pytest.raises(Failed, match=f"s3://b/{odd} has no valid time in its name; remove it"):
        names.next_name(odd, NOW, "s3://b/")
