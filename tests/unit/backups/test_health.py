"""What is wrong with the backups is told, the worst first, each with its fix."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.backups.catalogue import Backup
from pipeline.backups.health import physical_problems, problems
from quickdata_node.physical.gaps import Gap
from quickdata_node.physical.summary import Summary
from tests.support.catalogues import NOW, backup, nightly, physical, unreadable


@pytest.mark.parametrize(
    ("complete", "titles"),
    [
        (nightly(), []),
        ([], ["There is no backup"]),
        ([backup(1)], ["No backup is proven"]),
        (nightly(without=(1,)), ["The newest backup is too old"]),
        ([unreadable(1), *nightly()], ["The newest backup cannot be restored"]),
        ([backup(1, rows=3), *nightly(without=(1,))], ["The newest backup has lost data"]),
        ([backup(-1), *nightly()], ["The time of the newest backup is wrong"]),
        (
            [unreadable(2), backup(3)],
            ["The newest backup cannot be restored", "The newest backup is too old", "No backup is proven"],
        ),
    ],
)
def test_each_problem_has_its_title_and_its_fix(complete: list[Backup], titles: list[str]) -> None:
    found = list(problems(complete, NOW))
    assert [each.title for each in found] == titles
    assert all(each.what and each.fix for each in found)
    assert all(each.sentence[0].isupper() and each.sentence.endswith(".") for each in found)


def test_a_proof_in_the_future_is_no_proof() -> None:
    ahead = f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    listed = [replace(each, verified_at=ahead, verified_by="x") for each in nightly()]
    assert [each.title for each in problems(listed, NOW)] == ["No backup is proven"]


def test_a_wrong_time_is_fixed_by_the_clocks_and_not_by_another_backup() -> None:
    [found] = problems([backup(-1), *nightly()], NOW)
    assert found.fix == "correct the clocks of this machine and of the database node"


GAP = Gap(NOW - timedelta(hours=9), NOW - timedelta(hours=8), NOW - timedelta(hours=7))
DAMAGED, OLD = "The newest physical backup is damaged", "A physical backup is missing or too old"


@pytest.mark.parametrize(
    ("known", "titles"),
    [
        (None, []),
        (physical(1, 2), []),
        (physical(1, 2, 3, damaged=(2,)), []),
        (physical(1, 2, damaged=(1,)), [DAMAGED, OLD]),
        (physical(1, damaged=(1,)), [DAMAGED, OLD]),
        (physical(2), [OLD]),
        (physical(1, 9), [OLD]),
        (replace(physical(1, 2), gaps=[GAP]), ["WAL is missing"]),
        (replace(physical(0), gaps=[GAP]), []),
        (physical(9, damaged=(9,), off=NOW), []),
        (replace(physical(1, 2), verified_at=None), []),
        (replace(physical(1, 8), verified_at=None), ["No physical backup is proven"]),
    ],
)
def test_physical_backups_are_a_problem_when_the_newest_is_damaged_or_old_or_wal_is_missing(
    known: Summary | None, titles: list[str]
) -> None:
    assert [each.title for each in physical_problems(known, NOW)] == titles
