"""Which backups no rule keeps."""

from datetime import UTC, datetime, timedelta

import pytest

from quickdata_node.retention import choose_expired
from quickdata_node.run import Failed

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
NEWEST = "20260308T120000Z-ffffffff"


def on(day: str, hour: int = 3) -> str:
    return f"{day.replace('-', '')}T{hour:02}0000Z-0123abcd"


def complete(*names: str) -> list[str]:
    return [f"{name}/{file}" for name in names for file in ("dump.zst", "manifest.json")]


def expired(keys: list[str], daily: int = 7, weekly: int = 4) -> list[str]:
    return choose_expired(keys, NEWEST, daily, weekly, NOW)


def test_the_newest_of_each_of_the_last_days_stays() -> None:
    days = [on("2026-03-04"), on("2026-03-06", 3), on("2026-03-06", 4), on("2026-03-07")]
    assert expired(complete(*days), daily=3, weekly=0) == [on("2026-03-04"), on("2026-03-06", 3)]


def test_the_newest_of_each_of_the_last_weeks_stays_beyond_the_days() -> None:
    names = [on(day) for day in ("2026-02-22", "2026-03-01", "2026-03-02")]
    assert expired(complete(*names), daily=1, weekly=2) == [on("2026-02-22"), on("2026-03-02")]


def test_days_without_a_backup_do_not_count() -> None:
    assert expired(complete(*(on(day) for day in ("2024-01-02", "2024-05-02", "2025-06-01")))) == []


def test_the_newest_verified_backup_stays_however_old_and_only_if_it_is_one() -> None:
    keys = complete(on("2026-01-01"), on("2026-01-02"))
    keys += [f"{on(day)}/verified.json" for day in ("2026-01-01", "2026-01-02", "2026-01-03")]
    assert expired(keys, 1, 0) == [on("2026-01-01"), on("2026-01-03")]


def test_what_is_younger_than_a_day_stays() -> None:
    hours = [f"{NOW - timedelta(hours=h):%Y%m%dT%H%M%SZ}-0123abcd" for h in (25, 23, 2)]
    assert expired(complete(*hours), 1, 0) == hours[:1]


def test_what_a_failed_run_left_goes_after_a_day() -> None:
    old, young = on("2026-03-07"), on("2026-03-08")
    assert expired([f"{old}/dump.zst", f"{young}/dump.zst"]) == [old]


def test_what_only_others_keep_in_a_folder_is_none_of_ours() -> None:
    assert expired([f"{on('2026-01-01')}/why.txt", "old/manifest.json", "readme.txt"], 1, 0) == []


def test_a_name_of_no_day_is_told_and_nothing_is_chosen() -> None:
    odd = "20260231T000000Z-00000000"
    with pytest.raises(Failed, match=f"the backup stands, but {odd} has no valid date in its name"):
        expired(complete(odd))
