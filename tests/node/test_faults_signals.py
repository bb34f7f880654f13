"""A run that is ended by a signal, at each of its stages."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
QUICK = ("backup: the upload",)


TERMINATED = tuple(
    Fault("SIGTERM", stage, "interrupted by SIGTERM; run it again", 143, how, stage in QUICK)
    for stage, how in STAGES.items()
)
KILLED = tuple(
    Retried(
        "SIGKILL of all its processes",
        stage,
        "nothing is published; the next run cleans up",
        how=how,
        quick=stage in QUICK,
    )
    for stage, how in {**STAGES, **POINTS}.items()
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


@pytest.mark.parametrize("case", cases(KILLED))
def test_after_a_kill_the_latest_backup_is_the_one_before(
    beyond: Node, proxy: FaultProxy, case: Fault
) -> None:
    before = Before(beyond)
    with stopped_at(case, beyond, proxy) as running:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        wait_for(lambda: not beyond.processes())
    assert before.manifests() == before.complete
    assert beyond.content() == before.content
    assert beyond.restore("--verify").json["id"] == beyond.manifest()["id"]
    assert beyond.leaves_nothing()


LATE = tuple(
    Retried("SIGTERM", stage, "the run ends well", how=how, quick=how[0] == BACKUP)
    for stage, how in POINTS.items()
)


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


# --- SIGKILL of the script alone, which leaves what it started ---

FORKED = tuple(
    Retried(
        "SIGKILL of the script alone",
        f"{run}: whenever it has just started a process",
        "what it started ends by itself; nothing is published, nothing is swapped",
        how=how,
    )
    for run, how in {
        "backup": ((BACKUP,), {}, 7),  # the session that counts, three uploads, what feeds them
        "verify": ((RESTORE, "--verify"), {}, 7),  # three downloads, what eats them, the counting
        "restore without attachments": (
            (RESTORE,),
            {"ATTACHMENTS_DIR": ""},
            6,
        ),  # two downloads, and the end of the others' sessions
    }.items()
)
KILL = """
killing() {{
  [[ $BASHPID == $$ && ${{!:-}} != "$NEWEST" ]] || return 0
  NEWEST=$!
  ((++FORKS < {place})) || kill -9 $$
}}
if [[ ${{0##*/}} == {script} ]]; then
  set -T
  FORKS=0 NEWEST=''
  trap killing DEBUG
fi
"""


@pytest.mark.parametrize("case", cases(FORKED))
def test_what_a_killed_script_has_started_ends_by_itself(uploads: Path, node: Node, case: Fault) -> None:
    command, configuration, starts = case.how
    node.configure(**configuration)
    node.environment["BASH_ENV"] = str(node.directory / "kill")
    before, files, killed = Before(node), sorted(uploads.rglob("*")), 0
    while True:
        (node.directory / "kill").write_text(KILL.format(script=command[0], place=killed + 1))
        running = node.start(*command)
        if running.wait(120) == 0:
            break
        assert running.returncode == -signal.SIGKILL
        killed += 1
        wait_for(lambda: not node.processes(), 60)
        assert (before.manifests(), node.content()) == (before.complete, before.content)
        assert sorted(uploads.rglob("*")) == files
    assert killed >= starts
    assert node.leaves_nothing()
