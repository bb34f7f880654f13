"""Which kind of physical backup is taken."""

from datetime import UTC, datetime, timedelta

import pytest

from quickdata_node.physical.backup import _options, choose_kind
from quickdata_node.physical.info import READY, Info, PhysicalBackup
from quickdata_node.run import Failed

NOW = datetime(2026, 11, 30, 1, 17, tzinfo=UTC)


def info(*fulls: timedelta) -> Info:
    backups = (
        PhysicalBackup("x", "full", NOW - age, NOW - age, "0/1", "0/2", "1", "2", 1, 1, 1, False)
        for age in fulls
    )
    return Info(READY, "ok", tuple(backups))


@pytest.mark.parametrize("wanted", ["", "auto"])
def test_a_full_backup_is_due_when_there_is_none_or_the_last_one_is_a_week_old(wanted: str) -> None:
    assert choose_kind(wanted, info(), NOW) == "full"
    assert choose_kind(wanted, info(timedelta(days=9), timedelta(days=6)), NOW) == "incr"
    assert choose_kind(wanted, info(timedelta(days=7) - timedelta(seconds=5)), NOW) == "full"


def test_the_operators_choice_counts() -> None:
    assert choose_kind("full", info(timedelta()), NOW) == "full"
    assert choose_kind("incr", info(), NOW) == "incr"


def test_another_type_is_refused() -> None:
    with pytest.raises(Failed, match="--type diff is not auto, full or incr; see --help"):
        _options(["--config", "x", "--type", "diff"])
