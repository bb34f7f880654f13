"""Which kind of physical backup is taken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quickdata_node.physical.backup import _options, choose_kind, fulls_to_keep, require_good
from quickdata_node.physical.info import READY, Info, PhysicalBackup
from quickdata_node.run import Failed

NOW = datetime(2026, 11, 30, 1, 17, tzinfo=UTC)


def backup(age: timedelta = timedelta(), kind: str = "full", damaged: bool = False) -> PhysicalBackup:
    return PhysicalBackup("x", kind, NOW - age, NOW - age, "0/1", "0/2", "1", "2", 1, 1, 1, damaged)


def info(*fulls: timedelta) -> Info:
    return Info(READY, "ok", tuple(map(backup, fulls)))


@pytest.mark.parametrize("wanted", ["", "auto"])
def test_a_full_backup_is_due_when_there_is_none_or_the_last_one_is_a_week_old(wanted: str) -> None:
    assert choose_kind(wanted, info(), NOW) == "full"
    assert choose_kind(wanted, info(timedelta(days=9), timedelta(days=6)), NOW) == "incr"
    assert choose_kind(wanted, info(timedelta(days=7) - timedelta(seconds=5)), NOW) == "full"


def test_no_incremental_backup_is_built_on_a_damaged_one() -> None:
    def known(*backups: PhysicalBackup) -> Info:
        return Info(READY, "ok", backups)

    good = backup(timedelta(days=3))
    assert choose_kind("auto", known(good, backup(timedelta(days=1), damaged=True)), NOW) == "full"
    assert choose_kind("auto", known(good, backup(kind="incr", damaged=True)), NOW) == "full"
    assert choose_kind("auto", known(backup(timedelta(days=4), damaged=True), good), NOW) == "incr"


def test_the_operators_choice_counts() -> None:
    assert choose_kind("full", info(timedelta()), NOW) == "full"
    assert choose_kind("incr", info(), NOW) == "incr"


def test_another_type_is_refused() -> None:
    with pytest.raises(Failed, match="--type diff is not auto, full or incr; see --help"):
        _options(["--config", "x", "--type", "diff"])


def test_a_backup_with_damaged_pages_ends_the_run() -> None:
    require_good(backup())
    with pytest.raises(Failed, match="backup x holds damaged pages, and no recovery will take it") as caught:
        require_good(backup(damaged=True))
    assert caught.value.code == 4


@pytest.mark.parametrize(
    ("damaged", "kept"),
    [
        ([], 2),
        ([False], 2),
        ([False, False, False], 2),
        ([False, False, True, False], 3),
        ([False, True, True, False], 4),
        ([True, True, True], 3),
    ],
)
def test_damaged_full_backups_push_out_no_good_one(damaged: list[bool], kept: int) -> None:
    backups = [each for bad in damaged for each in (backup(damaged=bad), backup(kind="incr"))]
    assert fulls_to_keep(Info(READY, "ok", tuple(backups))) == kept


@pytest.mark.parametrize(("own", "kept"), [(0, 3), (1, 4), (2, 2), (3, 2)])
def test_another_clusters_backups_stay_until_this_one_has_two_good_full_ones(own: int, kept: int) -> None:
    """pgBackRest counts the full backups of both clusters."""
    others = tuple(replace(backup(timedelta(days=90 + n)), cluster=1) for n in range(3))
    ours = tuple(replace(backup(timedelta(days=7 * n)), cluster=2) for n in reversed(range(own)))
    assert fulls_to_keep(Info(READY, "ok", ours, others=others)) == kept


def test_a_damaged_full_backup_pushes_out_no_other_clusters() -> None:
    ours = (backup(timedelta(days=7)), backup(damaged=True))
    others = (replace(backup(timedelta(days=90)), cluster=9),)
    assert fulls_to_keep(Info(READY, "ok", ours, others=others)) == 3
