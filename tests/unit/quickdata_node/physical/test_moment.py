"""The moment of a recovery: which times are read, and what pgBackRest is told."""

from datetime import UTC, datetime

import pytest

from quickdata_node.physical.moment import Moment, read_time, shown
from quickdata_node.run import Failed

NOW = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    moment = read_time("2026-11-28 14:55:00+01:00", NOW)
    assert moment.time == datetime(2026, 11, 28, 13, 55, tzinfo=UTC)
    assert str(moment) == "2026-11-28 13:55:00Z"
    assert moment.options[:2] == ("--type=time", "--target=2026-11-28 13:55:00.000000+00")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("14:55", "'14:55' is not a time"),
        ("2026-11-31 14:55:00Z", "'2026-11-31 14:55:00Z' is not a time"),
        ("0001-01-01 00:00:00+14:00", "is not a time"),
        ("2026-11-28 14:55:00", "the time '2026-11-28 14:55:00' has no time zone"),
        ("2026-11-28 14:55:00-01:00", "15:55:00Z is in the future; it is 2026-11-28 15:00:00Z now"),
    ],
)
def test_a_text_that_is_not_a_past_moment_is_refused_with_what_is_wrong(given: str, said: str) -> None:
    with pytest.raises(Failed) as caught:
        read_time(given, NOW)
    assert said in str(caught.value)
    assert caught.value.code == 2


def test_the_end_of_the_wal_has_no_target() -> None:
    moment = read_time("latest", NOW)
    assert moment == Moment(NOW, latest=True)
    assert moment.options == ("--type=default",)


def test_fractions_of_a_second_are_shown() -> None:
    assert shown(datetime(2026, 11, 28, 14, 55, 0, 125000, UTC)) == "2026-11-28 14:55:00.125000Z"
