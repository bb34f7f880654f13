"""SIGKILL, at each moment of a backup and of a restore: nobody is left to clean up but the next run."""

import os
import signal
from pathlib import Path

import pytest

from tests.node.test_faults_signals import POINTS, STAGES, stopped_at
from tests.support.backup_node import Node
from tests.support.backup_runs import wait_for
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Before, Fault, Retried, cases
from tests.support.mutation import BACKUP, RESTORE

KILLED = tuple(
    Retried(
        "SIGKILL of all its processes",
        stage,
        "nothing is published; the next run cleans up",
        how=how,
    )
    for stage, how in {**STAGES, **POINTS}.items()
)


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
