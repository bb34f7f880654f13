"""How old the newest backup is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quickdata_node.age import compare_age, find_newest
from quickdata_node.config import Config
from quickdata_node.run import Failed
from quickdata_node.store import Key

NOW = datetime(2026, 11, 29, 2, 17, tzinfo=UTC)
DAY = timedelta(hours=26)
NAME = "20261128T021700Z-0123abcd"
CONFIG = Config(
    file=Path("x"),
    database="app",
    bucket="b",
    state_dir=Path("x"),
    lock_file=Path("/nonexistent/lock"),
    keep_daily=7,
    keep_weekly=4,
    max_age_hours="26",
    pg_service="",
    attachments=None,
    drill=None,
)


def newest(*keys: tuple[str, datetime]) -> str:
    return find_newest(Key(rest, written) for rest, written in keys)


def test_the_older_of_the_names_time_and_s3s_counts() -> None:
    assert newest((f"{NAME}/manifest.json", NOW)) == "20261128021700"
    assert newest((f"{NAME}/manifest.json", NOW - timedelta(days=9))) == "20261120021700"


def test_what_is_no_manifest_of_a_backup_has_no_age() -> None:
    files = (f"{NAME}/dump.zst", f"{NAME}/sub/manifest.json", "latest/manifest.json", NAME, "manifest.json")
    assert newest(*((file, NOW) for file in files)) == ""


def test_a_backup_may_be_as_old_as_is_said_and_no_older() -> None:
    compare_age(CONFIG, "20261128001700", NOW, DAY)
    with pytest.raises(Failed, match="the newest backup of app is 26 hours old, the limit is 26; look at"):
        compare_age(CONFIG, "20261128001659", NOW, DAY)
    compare_age(CONFIG, "20261128001659", NOW, DAY + timedelta(hours=1))


def test_clocks_may_differ_by_less_than_s3_lets_them() -> None:
    compare_age(CONFIG, "20261129023159", NOW, DAY)
    with pytest.raises(Failed, match="its time is in the future; correct the clock of this machine"):
        compare_age(CONFIG, "20261129023200", NOW, DAY)


def test_a_time_that_no_calendar_has_is_told() -> None:
    with pytest.raises(Failed, match="its time is 20260231000000; look at the names of the backups"):
        compare_age(CONFIG, "20260231000000", NOW, DAY)
