"""Both OpenTofu roots, tested by OpenTofu (or Terraform) itself with a mocked provider: no credentials."""

import re
from pathlib import Path

import pytest

from tests.support.by_hand import terminal

SUMMARY = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\.")
RUN = re.compile(r'^run "', re.MULTILINE)


def claims(root: Path) -> int:
    """Count the claims of all test files, wherever they are: `test` itself looks into tests/ alone."""
    return sum(len(RUN.findall(file.read_text())) for file in root.rglob("*test*.hcl"))


@pytest.mark.parametrize("root", ["terraform", "terraS3"])
def test_every_claim_about_a_root_holds(tmp_path: Path, root: str) -> None:
    person = terminal(tmp_path)
    person.run(root, person.tofu, "init", "-input=false", "-no-color")
    tested = person.type(root, person.tofu, "test", "-no-color")
    summary = SUMMARY.search(tested.said)
    assert tested.exit_code == 0, tested.said
    assert summary is not None, tested.said
    passed, failed, skipped = (int(count or 0) for count in summary.groups())
    assert (passed, failed, skipped) == (claims(person.infrastructure / root), 0, 0)
    assert passed > 0


def test_the_configuration_is_formatted(tmp_path: Path) -> None:
    person = terminal(tmp_path)
    checked = person.type(".", person.tofu, "fmt", "-check", "-diff", "-recursive")
    assert (checked.exit_code, checked.said) == (0, "")
