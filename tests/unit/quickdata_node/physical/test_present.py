"""A drill of the physical backups is good only if the live server archives, and the point is not old."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from quickdata_node.physical.choice import choose
from quickdata_node.physical.moment import Moment
from quickdata_node.physical.present import look, require_present
from quickdata_node.run import Failed, Run
from tests.unit.quickdata_node.physical.test_choice import HISTORY, INFO, at
from tests.unit.quickdata_node.test_age import CONFIG

NOW = at(110) + timedelta(hours=26)


def drill(live_until: datetime | None, wrong: str = "", now: datetime = NOW) -> None:
    chosen = choose(INFO, HISTORY, Moment(at(110)), live_until)
    trouble = "" if live_until else "archiving fails"
    require_present(CONFIG, replace(chosen, not_archived=trouble), wrong, now)


def test_a_drill_of_a_server_that_archives_is_good() -> None:
    drill(live_until=NOW)


@pytest.mark.parametrize(
    ("live_until", "wrong", "now", "said"),
    [
        (None, "", NOW, "the live database does not archive what it writes since 2026-11-28 01:50"),
        (NOW, "archiving lags: 4 WAL segments wait", NOW, "when the drill began, archiving lags: 4 WAL"),
        (NOW, "", NOW + timedelta(seconds=1), "of 2026-11-28 01:50:00Z, is older than 26 hours; look at"),
    ],
)
def test_a_drill_fails_when_nothing_is_archived_any_more(
    live_until: datetime | None, wrong: str, now: datetime, said: str
) -> None:
    with pytest.raises(Failed, match=said) as caught:
        drill(live_until, wrong, now)
    assert caught.value.code == 4


def test_a_server_that_cannot_be_asked_is_found_before_the_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_: Any) -> None:
        raise Failed("there is no server", "start it")

    monkeypatch.setattr("quickdata_node.physical.watch.find_server", dead)
    assert "the state of archiving is unknown" in look(Run("drill"), CONFIG)
