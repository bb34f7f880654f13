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


def take(lock: Path, recovery: str) -> None:
    run = Run("backup-pg.sh")
    try:
        run.take_lock(lock, lock.parent / "state", recovery)
    finally:
        run.finish(0, "")


def test_a_reserved_lock_is_free_for_its_recovery_alone(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(lock.parent))  # a run sets it
    reservation.reserve(lock, OURS)
    take(lock, OURS)
    said = "is reserved until [0-9:]{5} UTC for the swap of recovery 0123abcd; wait until then, or run"
    for other in ("", "4567abcd"):
        with pytest.raises(Failed, match=said):
            take(lock, other)
    reservation.release(lock)
    take(lock, "")


@pytest.mark.parametrize(
    ("seconds", "why"), [(-1, "it has ended"), (9 * 24 * 3600, "a wrong clock wrote it")]
)
def test_a_reservation_of_another_time_blocks_nothing(lock: Path, seconds: int, why: str) -> None:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    reservation.file_of(lock).write_text(json.dumps([OURS, until.isoformat()]))
    assert reservation.find(lock, "") is None, why


@pytest.mark.parametrize("text", ["[", "{}"])
def test_a_reservation_that_cannot_be_read_blocks_nothing(lock: Path, text: str) -> None:
    reservation.file_of(lock).write_text(text)
    assert reservation.find(lock, "") is None
