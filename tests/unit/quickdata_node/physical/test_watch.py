"""The alarms of archiving and of the physical backups."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quickdata_node.grace import NotYet
from quickdata_node.physical.gaps import Gap
from quickdata_node.physical.summary import Listed, Summary
from quickdata_node.physical.watch import (
    Archiving,
    check_archives,
    check_gaps,
    check_keys,
    check_lag,
    check_room,
    check_summary,
    report,
)
from quickdata_node.run import Failed, Run
from tests.unit.quickdata_node.test_age import CONFIG

NOW = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
WELL = Archiving(archives=True, waiting=1, lag_seconds=120, wal_bytes=1 << 30, free_bytes=1 << 30)


def test_archiving_that_keeps_up_is_well() -> None:
    check_archives(WELL)
    check_lag(WELL)
    check_room(WELL)
    check_room(replace(WELL, free_bytes=None))


def test_archiving_that_fails_lags_or_fills_the_volume_is_an_alarm() -> None:
    with pytest.raises(Failed, match="4 WAL segments wait, the first one for 121 s"):
        check_lag(replace(WELL, lag_seconds=121, waiting=4))
    with pytest.raises(Failed, match="does not archive its WAL"):
        check_archives(replace(WELL, archives=False))
    with pytest.raises(Failed, match="it takes 1073741824 bytes, and 1073741823 are free"):
        check_room(replace(WELL, free_bytes=(1 << 30) - 1))


def test_wal_that_fills_the_volume_is_an_alarm_also_on_a_new_node() -> None:
    """WAL that waits is none: its repository comes last."""
    with pytest.raises(NotYet):
        check_lag(replace(WELL, lag_seconds=121))
    with pytest.raises(Failed) as failed:
        check_room(replace(WELL, free_bytes=0))
    assert not isinstance(failed.value, NotYet)


def test_without_physical_backups_the_report_is_that_they_are_off() -> None:
    told = report(Run("check"), CONFIG)
    assert (told["on"], told["archives"], told["problems"]) == (False, None, [])


def test_keys_must_be_there_renewed_and_valid(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with pytest.raises(Failed, match="cannot be read, so no WAL is archived"):
        check_keys(file, NOW)
    file.write_text(json.dumps({"Expiration": "2026-11-30T05:35:00Z"}))
    check_keys(file, NOW)
    with pytest.raises(Failed, match="were not renewed, and expire at 2026-11-30 05:35 UTC; run refresh"):
        check_keys(file, NOW + timedelta(seconds=1))
    with pytest.raises(Failed, match="expired at 2026-11-30 05:35 UTC; run refresh"):
        check_keys(file, NOW + timedelta(minutes=35))
    for text in ("", "[]", "{}", '{"Expiration": 5}', '{"Expiration": "2026-11-30T05:00:01"}'):
        file.write_text(text)
        with pytest.raises(Failed, match="cannot be read"):
            check_keys(file, NOW)


def summary(*backups: tuple[str, timedelta]) -> Summary:
    found = [Listed("x", kind, NOW - age, 1, 1) for kind, age in backups]
    return Summary("app", found, "point", NOW)


def test_a_day_and_its_backup_and_a_week_and_its_full_one_are_well() -> None:
    check_summary(
        Run("check"), CONFIG, summary(("full", timedelta(days=8)), ("incr", timedelta(hours=26))), NOW
    )


def test_wal_that_is_missing_is_an_alarm_until_a_full_backup_is_taken() -> None:
    hour = timedelta(hours=1)
    gaps = [Gap(NOW - 9 * hour, NOW - 8 * hour, NOW - 7 * hour), Gap(NOW - 5 * hour, NOW - 4 * hour, NOW)]
    told = "from about 2026-11-29 20:00:00 UTC to 2026-11-29 21:00:00 UTC, and from about 2026-11-30 00:0"
    with pytest.raises(Failed, match=f"no recovery reaches the moments {told}") as caught:
        check_summary(Run("check"), CONFIG, replace(summary(("full", 8 * hour)), gaps=gaps), NOW)
    first, _, then = caught.value.fix.partition("recover first what you need from before: ")
    assert first and then.startswith("physical-backup.sh --type full ends this alarm, and may remove")
    check_gaps(replace(summary(("full", -hour)), gaps=gaps))


@pytest.mark.parametrize(
    ("backups", "why"),
    [
        ([], "the newest physical backup of app is missing"),
        ([("incr", timedelta())], "the newest full physical backup of app is missing"),
        ([("full", timedelta(hours=27))], "physical backup of app is 27 hours old, the limit is 26"),
        (
            [("full", timedelta(days=8, hours=1)), ("incr", timedelta())],
            "full physical backup of app is 193 hours old, the limit is 192",
        ),
    ],
)
def test_a_backup_that_is_too_old_is_an_alarm(backups: list[tuple[str, timedelta]], why: str) -> None:
    with pytest.raises(Failed, match=why):
        check_summary(Run("check"), CONFIG, summary(*backups), NOW)
