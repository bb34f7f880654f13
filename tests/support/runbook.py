"""The commands of docs/runbook.md, as they are written there."""

import re

from pipeline.machine.repository import REPOSITORY

TEXT = (REPOSITORY / "docs/runbook.md").read_text()
ON_A_NODE = "docker exec"
"""Local nodes run no Docker: such a line of the runbook is not run as it is."""


def commands(section: str) -> list[str]:
    """Return the commands of a section, but for those that need Docker."""
    return [line for line in every_command(section) if not line.startswith(ON_A_NODE)]


def on_a_node(section: str) -> list[str]:
    """Return what a section has psql do in the database's container: psql's own arguments."""
    found = (line for line in every_command(section) if line.startswith(ON_A_NODE))
    return [line.partition(" psql -U admin nocodb_db ")[2] for line in found]


def every_command(section: str) -> list[str]:
    """Return the lines of a section's code blocks, continued ones joined."""
    text = TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^ {6,}(\S.*(?:(?<=\\)\n.*)*)$", text, re.MULTILINE)
    found = [re.sub(r"\\\n\s*", "", line) for line in lines]
    assert found
    return found
