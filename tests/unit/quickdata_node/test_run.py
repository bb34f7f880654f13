"""The signals that end a run."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread, get_native_id

import pytest

from quickdata_node.physical.timelines import position
from quickdata_node.run import SIGNALS, Interrupted, Run, _place
from tests.support.backup_runs import wait_for


@pytest.fixture
def run() -> Iterator[Run]:
    """A run that heeds signals; afterwards they do what they did."""
    heeded = (*SIGNALS, signal.SIGALRM)
    before = [signal.getsignal(each) for each in heeded]
    run = Run("backup-pg.sh")
    run.heed_signals()
    yield run
    signal.setitimer(signal.ITIMER_REAL, 0)
    for each, handler in zip(heeded, before, strict=True):
        signal.signal(each, handler)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_does_not_wake_the_run_is_noticed_all_the_same(number: signal.Signals) -> None:
    reading, writing = os.pipe()
    main = Path(f"/proc/self/task/{get_native_id()}/wchan")
    noticed, late = Event(), []

    def send() -> None:
        wait_for(lambda: "pipe" in main.read_text())
        signal.raise_signal(number)  # to this thread: the one that waits does not wake
        if not noticed.wait(10):
            late.append(number)
            os.write(writing, b"x")

    sender = Thread(target=send)
    sender.start()
    with pytest.raises(Interrupted):
        os.read(reading, 1)
    noticed.set()
    sender.join()
    assert late == []


def test_no_alarm_is_left_that_would_kill_python_at_its_end(run: Run) -> None:
    assert signal.getitimer(signal.ITIMER_REAL)[1] > 0
    run.hold_signals()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_an_error_in_the_physical_part_of_the_program_is_placed_there() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        position("nowhere/0")
    assert _place(caught.value).startswith("physical/timelines.py, line ")
