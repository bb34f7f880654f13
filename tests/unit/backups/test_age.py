"""The age of the newest backup: one rule for `status`, `drill` and the node's own look."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from pipeline.backups.age import MOST_AHEAD, NIGHTLY, age_problem
from pipeline.backups.catalogue import Backup
from pipeline.machine.repository import REPOSITORY
from quickdata_node import age

ROLE = REPOSITORY / "infrastructure/ansible/roles/pg_backup"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(0), ""),
        (NIGHTLY, ""),
        (NIGHTLY + SECOND, "the newest backup 0123abcd is 26 h old, more than 26 h"),
        (timedelta(days=9), "the newest backup 0123abcd is 9 d old, more than 26 h"),
        (SECOND - MOST_AHEAD, ""),
        (-MOST_AHEAD, "the newest backup 0123abcd has a time in the future, 2026-03-01 12:15:00+00:00"),
    ],
)
def test_a_backup_is_too_old_or_of_a_time_to_come_or_young_enough(age: timedelta, said: str) -> None:
    newest = Backup("20260301T000000Z-0123abcd", True, NOW - age)
    found = age_problem(newest, NIGHTLY, NOW)
    assert found.startswith(said) if said else not found


def test_the_node_has_the_same_rule() -> None:
    role = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    assert timedelta(hours=role["pg_backup_max_age_hours"]) == NIGHTLY
    assert age.MOST_AHEAD == MOST_AHEAD
