"""A recovery that fails at its end leaves nothing reserved."""

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quickdata_node import reservation
from quickdata_node.physical import recovery
from quickdata_node.physical.places import Volume
from quickdata_node.run import Run

ANYTHING: Any = SimpleNamespace()


def test_a_recovery_that_cannot_be_finished_ends_its_reservation(
    tmp_path: Path, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Volume(tmp_path, Path("18/docker")).place("0123abcd")  # its folder is gone: finish() fails
    run = Run("recover-pg.sh")
    undo = run.cleaning.enter_context(ExitStack())
    throwaway: Any = SimpleNamespace(forget=lambda _: None, stop=lambda: None)
    monkeypatch.setattr(recovery, "start", lambda *_: (throwaway, ANYTHING, undo))
    monkeypatch.setattr(recovery, "prove", lambda *_: {})
    with pytest.raises(OSError, match="No such file"):
        recovery.recover(recovery.Recovery(run, config, ANYTHING, place, ANYTHING))
    run.cleaning.close()
    assert not reservation.find(config.lock_file, "")
