"""The rehearsal itself, from end to end, by the command that people type."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.deploy.protection import LIFECYCLE, PROTECTION
from pipeline.rehearsal.proofs import PROOFS
from tests.support.backup_runs import wait_for
from tests.support.checkout import CANARY, Checkout, make_checkout, until
from tests.support.opened import Opened


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@dataclass
class Cut:
    """A rehearsal that was interrupted beside it."""

    exit_code: int
    stderr: str
    report: dict[str, Any]


@dataclass
class Run:
    """A rehearsal that has ended."""

    exit_code: int
    stdout: str
    stderr: str
    report: dict[str, Any]
    before: dict[str, bytes]
    opened: set[Path]
    cut: Cut


@pytest.fixture(scope="module")
def rehearsed(checkout: Checkout) -> Iterator[Run]:
    """Two rehearsals at once in one checkout, one of them ended in a playbook: they must not collide."""
    before, watch = checkout.files(), Opened(checkout.real_files())
    whole, other = (checkout.start("rehearse", "--nodes", "local") for _ in range(2))
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(whole.communicate, timeout=1100)
        cut = terminated(other, checkout)
        out, err = reading.result()
    yield Run(whole.returncode, out, err, checkout.report(), before, watch.until_now(), cut)


def terminated(run: subprocess.Popen[str], checkout: Checkout) -> Cut:
    read = until(run, lambda line: "ansible: swarm.yml" in line)
    wait_for(lambda: plays(run.pid))
    os.killpg(run.pid, signal.SIGTERM)
    _, err = run.communicate(timeout=600)
    return Cut(run.returncode, read + err, checkout.report())


def commands(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()
    return []


def plays(parent: int) -> bool:
    """Whether a playbook runs now: between two of them there would be nothing to interrupt."""
    words = [commands(each) for each in psutil.Process(parent).children(recursive=True)]
    return any("nocodb.yml" in line or "backup.yml" in line for line in words)


@pytest.mark.timeout(1200)
def test_a_rehearsal_proves_everything_it_promises(rehearsed: Run) -> None:
    assert rehearsed.exit_code == 0, rehearsed.stderr
    assert tuple(rehearsed.report["proofs"]) == PROOFS
    assert rehearsed.report["proofs"]["damage and restore"]["mismatches"] == 0
    assert rehearsed.report["proofs"]["app destroyed"]["backups"] >= 4
    assert rehearsed.report["error"] is None


def test_its_summary_tells_what_was_proven_and_what_was_not(rehearsed: Run) -> None:
    for name in rehearsed.report["proofs"]:
        assert f"✓ {name}: " in rehearsed.stdout
    assert rehearsed.stdout.count("not proven here:") == len(rehearsed.report["not_proven"]) > 0


def test_its_banner_names_the_database_and_the_bucket(rehearsed: Run) -> None:
    lines = rehearsed.stderr.splitlines()
    assert "DB host/service : db" in lines
    assert "DB name         : nocodb_db" in lines
    assert "DB user         : admin" in lines
    assert "S3 bucket       : quickdata-pg-backups-storage-bucket-rehearsal" in lines
    assert ":8080" not in rehearsed.stderr, "an address that LocalStack invented belongs to somebody"


def test_it_shows_no_failure_where_a_refusal_is_what_it_asks_for(rehearsed: Run) -> None:
    assert "✗" not in rehearsed.stderr
    refused = [step["name"] for step in rehearsed.report["steps"] if "refused" in step["summary"]]
    assert "storage: plan -destroy" in refused


def test_its_report_has_every_step_the_plans_and_the_versions(rehearsed: Run) -> None:
    report = rehearsed.report
    names = [step["name"] for step in report["steps"]]
    order = ["storage: init", "storage: apply", "app: apply", "ansible: swarm.yml", "ansible: nocodb.yml"]
    order += ["backup", "backup: cron's own line", "backup: cron's look at its age", "restore"]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    assert names.index("app: apply") < names.index("ansible: backup.yml") < names.index("backup")
    assert all({"started", "ended", "exit_code", "seconds"} <= step.keys() for step in report["steps"])
    first, *others = report["plans"]
    assert first["counts"]["create"] == len(PROTECTION)
    assert f"create {LIFECYCLE}.backups" in [change for each in others for change in each["changes"]]
    assert "refused by the gate" in report["proofs"]["storage destroy"]["gate"]
    assert report["facts"]["versions"]["tofu"]
    assert report["facts"]["nodes"] == "local, directories on this machine: chosen by --nodes local"


def test_a_second_deployment_changed_nothing(rehearsed: Run) -> None:
    proof = rehearsed.report["proofs"]["second deploy"]
    assert sum(sum(counts.values()) for counts in proof["plans"].values()) == 0
    assert proof["tasks"] == {"swarm.yml": 0, "nocodb.yml": 0, "backup.yml": 0}


def test_progress_is_plain_when_it_is_no_terminal(rehearsed: Run) -> None:
    assert "\x1b" not in rehearsed.stderr + rehearsed.stdout


def test_another_one_beside_it_was_interrupted_in_a_playbook_and_said_so(rehearsed: Run) -> None:
    assert rehearsed.cut.exit_code == 130, rehearsed.cut.stderr
    assert "interrupted by SIGTERM" in rehearsed.cut.stderr
    assert "Traceback" not in rehearsed.cut.stderr
    assert rehearsed.cut.report["error"]["exit_code"] == 130
    summaries = {step["name"]: step["summary"] for step in rehearsed.cut.report["steps"]}
    assert "interrupted" in summaries.values()
    assert "not reached: drill (the run was interrupted)" in rehearsed.cut.report["not_proven"]
    assert summaries["LocalStack: stop"] == summaries["PostgreSQL: stop"] == ""


def test_nothing_is_left_behind_by_two_rehearsals_at_once(rehearsed: Run, checkout: Checkout) -> None:
    assert checkout.left_behind() == []


def test_the_checkout_is_as_it_was(rehearsed: Run, checkout: Checkout) -> None:
    assert checkout.files() == rehearsed.before


def test_nothing_real_was_read(rehearsed: Run) -> None:
    assert rehearsed.opened == set()
    assert CANARY not in rehearsed.stdout + rehearsed.stderr + json.dumps(rehearsed.report)
