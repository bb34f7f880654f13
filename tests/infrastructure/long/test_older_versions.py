"""What earlier versions left on a node goes with a deployment, and nothing of anybody else's."""

from pathlib import Path

from pipeline.ansible.check_mode import read_prediction
from pipeline.steps.step import Result, Step
from tests.support.ansible_workspace import Run, Workspace

OLD = "0" * 40
LEFT = (
    "opt/quickdata/aws",
    "opt/quickdata/awscli/bin/aws",
    f"opt/quickdata/program-{OLD}/quickdata_node/run.py",
    *("usr/local/sbin/pg-common.sh", "usr/local/sbin/pg-swap.sh"),
)
KEPT = ("opt/quickdata/program-of-mine", "opt/quickdata/stack.yml", "usr/local/sbin/mine/pg-common.sh")
KEPT += ("usr/local/sbin/aws", "usr/local/sbin/awscli", "usr/local/sbin/pg-mine.sh")
REMOVAL = "pg_backup : Remove the files of earlier versions"


def files_of(node: Path) -> set[str]:
    return {str(path.relative_to(node)) for path in node.rglob("*") if path.is_file()}


def unknown(run: Run) -> tuple[str, ...]:
    """Return the tasks of which check mode cannot tell what they would do."""
    return read_prediction(Result(Step("check mode", ()), 0, run.output, "", 0.0)).unknown


def test_what_earlier_versions_left_goes_and_nothing_of_anybody_elses(playbooks: Workspace) -> None:
    first = playbooks.play("backup")
    assert first.exit_code == 0, first.output
    node = playbooks.node("database", "")
    ours = files_of(node)
    assert unknown(playbooks.play("backup", "--check")) == ()
    for name in (*LEFT, *KEPT):
        (node / name).parent.mkdir(parents=True, exist_ok=True)
        (node / name).touch()
    assert unknown(playbooks.play("backup", "--check")) == (REMOVAL,)
    assert set(LEFT) < files_of(node)
    second = playbooks.play("backup")
    assert (second.exit_code, second.changed) == (0, 1), second.output
    assert files_of(node) == ours | {*KEPT, "var/lib/quickdata/lock"}
