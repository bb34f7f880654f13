"""A run that is ended by a signal, at each of its stages."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

import pytest

from tests.support.backup_node import Node
from tests.support.backup_runs import finish, wait_for
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.mutation import BACKUP, RESTORE

STAGES = {
    "backup: the listing": (BACKUP, "list-type=2"),
    "backup: the upload": (BACKUP, "PUT .*dump"),
    "restore: the listing": (RESTORE, "list-type=2"),
    "restore: the manifest": (RESTORE, "GET .*manifest.json"),
    "restore: the roles": (RESTORE, "GET .*globals"),
    "restore: the dump": (RESTORE, "GET .*dump"),
}
POINTS = {  # of no return
    "backup: the manifest": (BACKUP, "PUT .*manifest.json"),
    "verify: the note that it is verified": (RESTORE, "PUT .*verified.json"),
}


TERMINATED = tuple(
    Fault("SIGTERM", stage, "interrupted by SIGTERM; run it again", 143, how) for stage, how in STAGES.items()
)


@contextmanager
def stopped_at(case: Fault, beyond: Node, proxy: FaultProxy) -> Iterator[Popen[str]]:
    """Start the script, which gets no answer to the case's request before the test lets go."""
    script, request = case.how
    verify = script == RESTORE and case.moment.startswith("verify")
    with proxy.making("stall", request, times=1) as trouble:
        running = beyond.start(script, *(["--verify"] if verify else []))
        wait_for(lambda: trouble.met)
        yield running


@pytest.mark.parametrize("case", cases(TERMINATED))
def test_a_run_that_is_terminated_leaves_nothing(beyond: Node, proxy: FaultProxy, case: Fault) -> None:
    before = Before(beyond)
    with stopped_at(case, beyond, proxy) as running:
        os.kill(running.pid, signal.SIGTERM)
        proxy.let_go.set()
        done = finish(running)
    before.survives(done, case.says, case.code, case.how[0])


LATE = tuple(Retried("SIGTERM", stage, "the run ends well", how=how) for stage, how in POINTS.items())


@pytest.mark.parametrize("case", cases(LATE))
def test_a_signal_that_comes_with_the_last_word_does_not_make_it_a_lie(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    with stopped_at(case, beyond, proxy) as running:
        os.kill(running.pid, signal.SIGTERM)
        proxy.let_go.set()
        done = finish(running)
    assert (done.code, done.json["id"]) == (0, beyond.manifest()["id"])
    assert beyond.leaves_nothing()
