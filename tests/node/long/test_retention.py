"""What a backup removes afterwards, and what it never removes."""

from datetime import timedelta

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import name_of
from tests.support.fault_proxy import FaultProxy

VERIFIED = ("dump.zst", "manifest.json", "verified.json")


def on(day: str, hour: int = 3) -> str:
    return f"{day.replace('-', '')}T{hour:02}0000Z-0123abcd"


def plant(node: Node, name: str, *files: str, database: str = "") -> str:
    for file in files or ("dump.zst", "manifest.json"):
        node.write(f"postgres/{database or node.database}/{name}/{file}", "x")
    return name


def test_the_newest_of_each_of_the_last_days_stays_and_the_rest_goes(node: Node) -> None:
    node.create()
    node.configure(KEEP_DAILY="3", KEEP_WEEKLY="2")
    fourth_day = plant(node, on("2026-03-05"))  # of a week that has a newer one
    earlier = plant(node, on("2026-03-06", 3))
    kept = [plant(node, on("2026-03-06", 4)), plant(node, on("2026-03-07"))]
    done = node.backup()
    assert done.code == 0
    assert node.backups()[:-1] == kept
    assert node.backups()[-1].endswith(done.json["id"])
    assert not [key for key in node.objects() if fourth_day in key or earlier in key]
    noted = node.manifest()
    assert (noted["keep_daily"], noted["keep_weekly"]) == (3, 2)


def test_the_weeks_newest_stays_beyond_the_days(node: Node) -> None:
    node.create()
    node.configure(KEEP_DAILY="1", KEEP_WEEKLY="3")
    sunday, monday, old = (plant(node, on(day)) for day in ("2026-03-01", "2026-03-02", "2026-02-22"))
    assert node.backup().code == 0
    assert node.backups()[:-1] == [sunday, monday]
    assert old not in node.backups()


def test_the_newest_verified_backup_stays_however_old(node: Node) -> None:
    node.create()
    node.configure(KEEP_DAILY="1", KEEP_WEEKLY="0")
    older, newest = (plant(node, on(day), *VERIFIED) for day in ("2026-01-01", "2026-01-02"))
    plant(node, on("2026-01-03"), "verified.json")  # its manifest is gone
    assert node.backup().code == 0
    assert node.backups()[:-1] == [newest]
    assert not [key for key in node.objects() if older in key]


@pytest.mark.parametrize("odd", ["20261399T000000Z-00000000", "20270101T240000Z-00000000"])
def test_a_key_that_bears_no_time_is_no_backup(node: Node, odd: str) -> None:
    node.create()
    plant(node, odd)
    done = node.backup()
    assert (done.code, done.json["id"]) == (0, node.restore("--verify").json["id"])
    assert odd in node.backups()


@pytest.mark.parametrize("odd", ["20270231T000000Z-00000000", "99991231T235959Z-00000000"])
def test_nothing_is_backed_up_behind_a_key_that_no_name_can_follow(node: Node, odd: str) -> None:
    node.create()
    plant(node, odd)
    assert node.backup().code == 1
    assert f"{odd} has no valid time in its name; remove it" in node.alert()
    assert node.backups() == [odd]


def test_a_key_of_no_day_is_named_when_the_days_are_counted(node: Node) -> None:
    node.create()
    odd = plant(node, "20260231T000000Z-00000000")
    plant(node, on("2026-03-05"))
    assert node.backup().code == 1
    assert f"the backup stands, but {odd} has no valid date in its name; remove it" in node.alert()
    assert len(node.backups()) == 3


def test_days_without_a_backup_do_not_count(node: Node) -> None:
    node.create()
    last_good = [plant(node, on(day)) for day in ("2024-01-02", "2024-05-02", "2025-02-03", "2025-06-01")]
    assert node.backup().code == 0
    assert node.backups()[:-1] == last_good


def test_what_is_younger_than_a_day_stays(node: Node) -> None:
    node.create()
    node.configure(KEEP_DAILY="1", KEEP_WEEKLY="0")
    hours = [plant(node, name_of(timedelta(hours=h))) for h in (23, 2, 1)]
    assert node.backup().code == 0
    assert node.backups()[:-1] == hours


def test_unfinished_backups_go_after_a_day(node: Node) -> None:
    node.create()
    old = plant(node, name_of(timedelta(hours=25)), "dump.zst", "globals.json.zst")
    young = plant(node, name_of(timedelta(hours=23)), "dump.zst")
    assert node.backup().code == 0
    assert not [key for key in node.objects() if old in key]
    assert [key for key in node.objects() if young in key]


def test_nothing_else_in_the_bucket_is_touched(node: Node) -> None:
    node.create()
    node.configure(KEEP_DAILY="1", KEEP_WEEKLY="0")
    for other in (f"{node.database}_staging", node.database[:-1], f"{node.database}/{on('2024-01-01')}"):
        plant(node, on("2025-01-01"), database=other)
        plant(node, on("2025-01-02"), "dump.zst", database=other)
    node.write(f"postgres/{node.database}/readme.txt", "kept by hand")
    node.write(f"postgres/{node.database}/old/manifest.json", "kept by hand")
    before = set(node.objects())
    assert node.backup().code == 0
    assert before <= set(node.objects())


def test_a_removal_that_fails_is_a_failure_and_the_backup_stands(node: Node, proxy: FaultProxy) -> None:
    node.create()
    node.configure(KEEP_DAILY="1", KEEP_WEEKLY="0", AWS_ENDPOINT_URL=proxy.url)
    old = plant(node, on("2026-01-01"))
    with proxy.making("403", "DELETE "):
        done = node.backup()
    assert done.code == 1
    assert node.backups() == [old, f"{node.backups()[-1]}"]
    assert done.json["id"] == node.manifest()["id"]
    assert f"the backup stands, but {old} could not be removed" in node.alert()


def test_a_failed_backup_removes_nothing(node: Node) -> None:
    node.create()
    node.configure(KEEP_DAILY="1", KEEP_WEEKLY="0")
    node.replace("pg_dump", "exit 1")
    plant(node, on("2026-01-01")), plant(node, on("2026-01-02")), plant(node, on("2026-01-01"), "dump.zst")
    before = node.objects()
    assert node.backup().code == 1
    assert node.objects() == before


def test_more_than_a_thousand_keys_are_all_seen(stocked: Node) -> None:
    newest = stocked.backups()[-1]
    for n in range(1010):
        stocked.write(f"postgres/{stocked.database}/{newest[:-8]}00000000/part-{n}", "x")
    assert stocked.restore("--verify").json["id"] == newest[17:]


def test_what_somebody_keeps_in_the_folder_of_a_backup_stays_there(node: Node) -> None:
    node.create()
    node.configure(KEEP_DAILY="1", KEEP_WEEKLY="0")
    expired = plant(node, on("2026-01-01"), "dump.zst", "manifest.json", "why.txt", "more/dump.zst")
    plant(node, on("2026-01-02"), "notes.txt")
    assert node.backup().code == 0
    kept = [key.split("/", 2)[2] for key in node.objects() if "/2026010" in key]
    assert kept == [f"{expired}/more/dump.zst", f"{expired}/why.txt", f"{on('2026-01-02')}/notes.txt"]
