"""GitLab's job `rehearse`, run on the host."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.timeout(1200)
def test_the_rehearse_job_of_the_host_proves_what_a_rehearsal_proves(
    gitlab_ci_local: str, checkout: Path
) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not on this machine, and gitlab-ci-local runs no job without it")
    command = [gitlab_ci_local, "rehearse", "--force-shell-executor", "--variable", "QUICKDATA_RUNNER=host"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((checkout / "reports/run.json").read_text())
    assert "damage and restore" in report["proofs"]
    assert (checkout / "reports/junit.xml").read_text().startswith("<?xml")
