"""The curve goes from the oldest usable backup to the newest, and stays within its picture."""

import re

import pytest

from pipeline.backups.size_curve import DOTS, HEIGHT, WIDTH, size_curve
from tests.support.catalogues import CATALOGUES, NOW, backup, unfinished, unreadable


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_point_is_within_the_picture(name: str) -> None:
    curve = size_curve(CATALOGUES[name], NOW)
    assert all(0 <= each.x <= WIDTH and 0 <= each.y <= HEIGHT for each in curve.points)
    assert len(curve.dots) <= DOTS
    assert not curve.points or re.fullmatch(r"M[\d.]+ [\d.]+( L[\d.]+ [\d.]+)*", curve.path)


def test_time_goes_to_the_right_and_the_largest_backup_is_at_the_top() -> None:
    curve = size_curve([backup(1, bytes=400), backup(2, bytes=100), backup(5, bytes=0)], NOW)
    assert [(round(each.x), each.y) for each in curve.points] == [(0, 200.0), (750, 150.0), (1000, 0.0)]
    assert curve.most == 400


def test_what_cannot_be_restored_or_is_of_a_time_to_come_is_not_on_it() -> None:
    assert size_curve([backup(-9), unfinished(1), unreadable(2)], NOW).points == ()
    [only] = size_curve([backup(-9), backup(1)], NOW).points
    assert only.x == WIDTH / 2
