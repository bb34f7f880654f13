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


# --- SIGKILL of the program alone, which leaves what it started ---

FORKED = tuple(
    Retried(
        "SIGKILL of the program alone",
        f"{run}: at each start of another program",
        "the programs that it started end by themselves; nothing is published, and no swap is half done",
        how=how,
    )
    for run, how in {
        "backup": ((BACKUP,), {}, 5),  # the session that counts, pg_dump, psql, tar
        "verify": ((RESTORE, "--verify"), {}, 7),  # psql, pg_restore, tar, the counting
        "restore without attachments": (
            (RESTORE,),
            {"ATTACHMENTS_DIR": ""},
            7,
        ),  # and the end of the others' sessions, beside the swap
    }.items()
)
STARTED = ("psql", "pg_dump", "pg_restore", "tar", "df")
KILLING = """
if [[ -e {directory}/killing ]]; then
  exec {lock}<>{directory}/numbers
  flock $lock
  echo >>{directory}/started
  (($(wc -l <{directory}/started) != PLACE)) || kill -9 $PPID
  exec {lock}>&-
fi
exec "$REAL" "$@"
"""


@pytest.mark.parametrize("case", cases(FORKED))
def test_what_a_killed_program_has_started_ends_by_itself(uploads: Path, node: Node, case: Fault) -> None:
    command, configuration, starts = case.how
    node.configure(**configuration)
    before, files, killed = Before(node), sorted(uploads.rglob("*")), 0
    while True:
        killing(node, killed + 1)
        running = node.start(*command)
        code = running.wait(120)
        (node.directory / "killing").unlink()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        wait_for(lambda: not node.processes(), 60)
        if any("_before_" in name for name in node.databases()):
            assert node.sql("select count(*) from customers") == "500", (
                "psql had begun the swap, and ended it"
            )
            assert node.backup().code == 0
            break
        assert (before.manifests(), node.content()) == (before.complete, before.content)
        assert sorted(uploads.rglob("*")) == files
    assert killed >= starts
    assert node.leaves_nothing()


def killing(node: Node, place: int) -> None:
    """Let what is started at that place kill the one that starts it."""
    for program in STARTED:
        body = KILLING.replace("{directory}", str(node.directory)).replace("PLACE", str(place))
        node.replace(program, body)
    (node.directory / "killing").touch()
    (node.directory / "started").unlink(missing_ok=True)
