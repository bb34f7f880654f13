"""The commands of docs/runbook.md, as they are written there."""

import re

from pipeline.machine.repository import REPOSITORY

TEXT = (REPOSITORY / "docs/runbook.md").read_text()
ON_A_NODE = "docker exec"
"""Local nodes run no Docker: this line of the runbook is not run by a test."""


def commands(section: str) -> list[str]:
    """Return the lines of a section's code blocks, continued ones joined."""
    text = TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^ {6,}(\S.*(?:(?<=\\)\n.*)*)$", text, re.MULTILINE)
    found = [re.sub(r"\\\n\s*", "", line) for line in lines]
    assert found
    return [line for line in found if not line.startswith(ON_A_NODE)]
