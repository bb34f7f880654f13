"""Both OpenTofu roots, validated and tested by a tool with a mocked provider: no credentials."""

import re
from pathlib import Path

from pipeline.machine.repository import REPOSITORY
from tests.support.by_hand import terminal

ROOTS = ("terraform", "terraS3")
SUMMARY = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\.")
RUN = re.compile(r'^run "', re.MULTILINE)
VARIABLE = re.compile(r'^variable "(\w+)"', re.MULTILINE)
OURS = {"TF_VAR_ssh_public_key", "TF_VAR_storage_backend", "TF_VAR_storage_config"}
"""Variables that the pipeline sets, from the private key and from the place of the states."""


def users_variables() -> set[str]:
    """Return the names of all Terraform variables that a user may set."""
    texts = [(REPOSITORY / "infrastructure" / root / "variables.tf").read_text() for root in ROOTS]
    return {f"TF_VAR_{name}" for text in texts for name in VARIABLE.findall(text)} - OURS


def claims(root: Path) -> int:
    """Count the claims of all test files, wherever they are: `test` itself looks into tests/ alone."""
    return sum(len(RUN.findall(file.read_text())) for file in root.rglob("*test*.hcl"))


def require_valid_and_every_claim(directory: Path, root: str, tool: str | None = None) -> None:
    """Validate a root, then test it.

    Args:
        directory: an empty one.
        root: its folder in infrastructure/.
        tool: the path of OpenTofu or Terraform; None takes the one that steps call.
    """
    person = terminal(directory)
    tool = tool or person.tofu
    person.run(root, tool, "init", "-input=false", "-no-color")
    person.run(root, tool, "validate", "-no-color")
    tested = person.type(root, tool, "test", "-no-color")
    summary = SUMMARY.search(tested.said)
    assert tested.exit_code == 0, tested.said
    assert summary is not None, tested.said
    passed, failed, skipped = (int(count or 0) for count in summary.groups())
    assert (passed, failed, skipped) == (claims(person.infrastructure / root), 0, 0)
    assert passed > 0
