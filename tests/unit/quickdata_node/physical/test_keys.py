"""Physical backups that are scheduled on a node whose data's volume is missing."""

from dataclasses import replace

import pytest

from quickdata_node.physical.keys import require_on, require_volume
from quickdata_node.physical.watch import checks
from quickdata_node.run import Failed, Run
from tests.unit.quickdata_node.test_age import CONFIG

MISSING = replace(CONFIG, pitr_scheduled=True)


def test_a_missing_volume_is_an_alarm_where_physical_backups_are_scheduled() -> None:
    for check in (checks(Run("check"), MISSING)[0], lambda: require_on(MISSING)):
        with pytest.raises(Failed, match="the data's volume is not mounted") as caught:
            check()
        assert caught.value.code == 1


def test_a_node_with_its_volume_or_without_physical_backups_raises_no_alarm_about_it() -> None:
    require_volume(replace(MISSING, pitr=True))
    require_volume(CONFIG)
    with pytest.raises(Failed, match="physical backups are off on this node") as caught:
        require_on(CONFIG)
    assert caught.value.code == 2
