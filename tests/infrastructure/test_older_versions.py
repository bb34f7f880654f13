"""What earlier versions left on a node goes with a deployment, and nothing of anybody else's."""

import subprocess
from pathlib import Path

import yaml

from pipeline.machine.repository import REPOSITORY

VARIABLES = REPOSITORY / "infrastructure/ansible/roles/pg_backup/vars/main.yml"
OLD, NEW = "0" * 40, "f" * 40
LEFT = (
    "opt/quickdata/aws",
    "opt/quickdata/awscli/bin/aws",
    f"opt/quickdata/program-{OLD}/quickdata_node/run.py",
)
LEFT += ("usr/local/sbin/pg-common.sh", "usr/local/sbin/pg-swap.sh")
KEPT = (f"opt/quickdata/program-{NEW}/quickdata_node/run.py", "opt/quickdata/python/bin/python")
KEPT += ("opt/quickdata/program-of-mine", "opt/quickdata/stack.yml", "usr/local/sbin/backup-pg.sh")
KEPT += ("usr/local/sbin/aws", "usr/local/sbin/awscli", "usr/local/sbin/pg-mine.sh")


def test_what_earlier_versions_left_goes_and_nothing_of_anybody_elses(tmp_path: Path) -> None:
    node = tmp_path / "opt/quickdata" / "it's a node"
    for name in (*LEFT, *KEPT):
        (node / name).parent.mkdir(parents=True, exist_ok=True)
        (node / name).touch()
    given = {"{{ node_root }}": str(node), "{{ pg_backup_version }}": NEW}
    words: list[str] = yaml.safe_load(VARIABLES.read_text())["pg_backup_older"]
    for variable, value in given.items():
        words = [word.replace(variable, value) for word in words]
    subprocess.run(["find", *words], check=True)
    assert {str(path.relative_to(node)) for path in node.rglob("*") if path.is_file()} == set(KEPT)
