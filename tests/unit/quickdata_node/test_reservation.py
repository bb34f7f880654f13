"""A recovery that waits for its swap keeps other runs away, for a while."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quickdata_node import reservation
from quickdata_node.run import Failed, Run

OURS = "0123abcd"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_reserved_lock_is_free_for_its_recovery_alone(lock: Path) -> None:
    reservation.reserve(lock, OURS)
    Run("recover-pg.sh").take_lock(lock, lock.parent / "state", OURS)
    said = "is reserved until [0-9:]{5} UTC for the swap of recovery 0123abcd; wait until then, or run"
    for other in ("", "4567abcd"):
        run = Run("backup-pg.sh")
        with pytest.raises(Failed, match=rf"(another run holds|{said})"):
            run.take_lock(lock, lock.parent / "state", other)
    assert reservation.find(lock, "")
    reservation.release(lock)
    assert reservation.find(lock, "") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (json.dumps([OURS, (datetime.now(UTC) - timedelta(seconds=1)).isoformat()]), "it has ended"),
        (json.dumps([OURS, (datetime.now(UTC) + timedelta(days=9)).isoformat()]), "a wrong clock wrote it"),
        ("[", "it was written in part"),
        ("{}", "it is something else"),
    ],
)
def test_a_reservation_that_cannot_count_blocks_nothing(lock: Path, text: str, why: str) -> None:
    reservation.file_of(lock).write_text(text)
    assert reservation.find(lock, "") is None, why
