"""The rehearsal itself, from end to end, by the command that people type."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ONE_RUN = pytest.mark.xdist_group("rehearsal")
"""Tests of one and the same run stay in one process."""

REPOSITORY = Path(__file__).parents[1]
CANARY = "canary-of-a-real-deployment"
REAL_FILES = {
    "infrastructure/terraS3/terraform.tfstate": f'{{"version": 4, "serial": 1, "lineage": "{CANARY}"}}',
    "infrastructure/terraS3/backend_override.tf": f'terraform {{ backend "{CANARY}" {{}} }}',
    "infrastructure/terraform/terraform.tfvars": f'bucket_suffix = "{CANARY}"',
    "infrastructure/terraform/x.auto.tfvars": f'domain = "{CANARY}"',
    "infrastructure/ansible/group_vars/all/vault.yml": f"vault_db_password: {CANARY}",
    "infrastructure/ansible/inventory.yml": f"all: {{hosts: {{{CANARY}: }}}}",
    "infrastructure/ansible/known_hosts": CANARY,
}


@dataclass
class Checkout:
    """A copy of the project, with its own HOME and its own directory for temporary files."""

    root: Path
    temporary: Path
    home: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(self.root),
            "AWS_ACCESS_KEY_ID": CANARY,
            "AWS_SECRET_ACCESS_KEY": CANARY,
            "AWS_REGION": "us-east-1",
            "TF_VAR_bucket_suffix": CANARY,
            "TF_VAR_domain": CANARY,
            "ANSIBLE_INVENTORY": CANARY,
        }
        command = [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.root, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "reports/run.json").read_text())
        return found

    def files(self) -> dict[str, bytes]:
        paths = (p for p in self.root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return {str(p): p.read_bytes() for p in paths if "reports" not in p.parts}

    def left_behind(self) -> list[str]:
        processes = [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if self._ours(path)]
        return [path.name for path in self.temporary.iterdir()] + processes

    def _ours(self, environ: Path) -> bool:
        try:
            words = environ.read_bytes() + (environ.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
        return str(self.temporary).encode() in words


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return make_checkout(tmp_path_factory.mktemp("checkout"))


def make_checkout(base: Path) -> Checkout:
    found = Checkout(base / "copy", base / "tmp", base / "home")
    found.temporary.mkdir()
    (found.home / ".aws").mkdir(parents=True)
    (found.home / ".aws/credentials").write_text(f"[default]\naws_access_key_id = {CANARY}\n")
    for name in ("pipeline", "infrastructure"):
        shutil.copytree(REPOSITORY / name, found.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in REAL_FILES.items():
        (found.root / name).write_text(text)
    return found


@dataclass
class Run:
    """A rehearsal that has ended."""

    exit_code: int
    stdout: str
    stderr: str
    report: dict[str, Any]
    before: dict[str, bytes]


@pytest.fixture(scope="module")
def rehearsed(checkout: Checkout) -> Iterator[Run]:
    """Two rehearsals at once in one checkout: they must not collide."""
    before = checkout.files()
    both = [checkout.start("rehearse") for _ in range(2)]
    (out, err), (other_out, other_err) = [each.communicate(timeout=550) for each in both]
    assert both[1].returncode == 0, other_err + other_out
    yield Run(both[0].returncode, out, err, checkout.report(), before)


@ONE_RUN
@pytest.mark.timeout(600)
def test_a_rehearsal_proves_everything_it_promises(rehearsed: Run) -> None:
    assert rehearsed.exit_code == 0, rehearsed.stderr
    assert set(rehearsed.report["proofs"]) == {
        "deploy and verify",
        "damage and restore",
        "stack file",
        "second deploy",
        "app destroyed",
        "storage destroy",
    }
    assert rehearsed.report["proofs"]["damage and restore"]["mismatches"] == 0
    assert rehearsed.report["proofs"]["app destroyed"]["backups"] >= 4
    assert rehearsed.report["error"] is None


@ONE_RUN
def test_its_summary_tells_what_was_proven_and_what_was_not(rehearsed: Run) -> None:
    for name in rehearsed.report["proofs"]:
        assert f"✓ {name}: " in rehearsed.stdout
    assert rehearsed.stdout.count("not proven here:") == len(rehearsed.report["not_proven"]) > 0


@ONE_RUN
def test_its_banner_names_the_database_and_the_bucket(rehearsed: Run) -> None:
    lines = rehearsed.stderr.splitlines()
    assert "DB host/service : db" in lines
    assert "DB name         : nocodb_db" in lines
    assert "DB user         : admin" in lines
    assert "S3 bucket       : quickdata-pg-backups-storage-bucket-rehearsal" in lines


@ONE_RUN
def test_its_report_has_every_step_the_plans_and_the_versions(rehearsed: Run) -> None:
    report = rehearsed.report
    names = [step["name"] for step in report["steps"]]
    order = ["storage: init", "storage: apply", "app: apply", "ansible: swarm.yml", "ansible: nocodb.yml"]
    order += ["ansible: backup.yml", "backup", "backup: cron's own line", "restore"]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    assert all({"started", "ended", "exit_code", "seconds"} <= step.keys() for step in report["steps"])
    assert report["plans"][0]["counts"]["create"] == 7
    assert any("refused by the gate" in finding for finding in report["findings"])
    assert report["facts"]["versions"]["tofu"]


@ONE_RUN
def test_a_second_deployment_changed_nothing(rehearsed: Run) -> None:
    proof = rehearsed.report["proofs"]["second deploy"]
    assert sum(sum(counts.values()) for counts in proof["plans"].values()) == 0
    assert proof["tasks"] == {"swarm.yml": 0, "nocodb.yml": 0, "backup.yml": 0}


@ONE_RUN
def test_progress_is_plain_when_it_is_no_terminal(rehearsed: Run) -> None:
    assert "\x1b" not in rehearsed.stderr + rehearsed.stdout


@ONE_RUN
def test_nothing_is_left_behind_by_two_rehearsals_at_once(rehearsed: Run, checkout: Checkout) -> None:
    assert checkout.left_behind() == []


@ONE_RUN
def test_the_checkout_is_as_it_was(rehearsed: Run, checkout: Checkout) -> None:
    assert checkout.files() == rehearsed.before


@ONE_RUN
def test_nothing_real_was_read(rehearsed: Run) -> None:
    assert CANARY not in rehearsed.stdout + rehearsed.stderr + json.dumps(rehearsed.report)


def until(run: subprocess.Popen[str], seen: Callable[[str], bool]) -> str:
    """Read the run's progress until a line is seen; return all that was read."""
    assert run.stderr is not None
    read = []
    for line in run.stderr:
        read.append(line)
        if seen(line):
            return "".join(read)
    raise AssertionError("".join(read))


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGINT, "app: read plan"), (signal.SIGTERM, "app: outputs"), (signal.SIGINT, "vault")],
    ids=["Ctrl-C in the middle of both applies", "SIGTERM in a playbook", "Ctrl-C at the start"],
)
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    checkout = make_checkout(tmp_path)
    run = checkout.start("rehearse")
    until(run, lambda line: moment in line)
    os.killpg(run.pid, number)
    _, err = run.communicate(timeout=200)
    assert run.returncode == 130, err
    assert f"interrupted by {number.name}" in err
    assert "Traceback" not in err
    assert checkout.report()["error"]["exit_code"] == 130
    assert checkout.left_behind() == []


def test_a_failing_playbook_ends_the_rehearsal_in_its_own_words(
    tmp_path: Path,
) -> None:
    checkout = make_checkout(tmp_path)
    task = "{name: Break, ansible.builtin.fail: {msg: broken on purpose}}"
    playbook = f"[{{name: Broken, hosts: managers, gather_facts: false, tasks: [{task}]}}]"
    (checkout.root / "infrastructure/ansible/swarm.yml").write_text(playbook)
    run = checkout.start("rehearse")
    _, err = run.communicate(timeout=250)
    assert run.returncode == 1
    assert "✗ rehearse: ansible: swarm.yml" in err
    assert "broken on purpose" in err
    assert "Traceback" not in err
    assert checkout.left_behind() == []


def test_a_damage_that_damages_nothing_proves_nothing_and_ends_with_exit_code_4(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    undo = "DROP TABLE public.too_late; DELETE FROM public.event WHERE kind = 'late';"
    (checkout.root / "pipeline/rehearsal/damage.sql").write_text(undo)
    run = checkout.start("rehearse")
    _, err = run.communicate(timeout=350)
    assert run.returncode == 4, err
    assert "damaged nothing" in err
    assert checkout.left_behind() == []
