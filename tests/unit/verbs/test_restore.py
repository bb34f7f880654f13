"""The verb restore: what it says when objects are missing."""

import pytest

from pipeline.errors import RestoredInPart
from pipeline.verbs.restore import require_complete


def test_a_restore_in_part_has_an_exit_code_of_its_own_and_names_each_object() -> None:
    with pytest.raises(RestoredInPart) as caught:
        require_complete("3f2a9c1d", ["INDEX i: ERROR: a", "TRIGGER t: ERROR: b"])
    assert caught.value.exit_code == 5
    assert caught.value.what.splitlines()[1:] == ["  INDEX i: ERROR: a", "  TRIGGER t: ERROR: b"]
    require_complete("3f2a9c1d", [])
